"""What went into an op, in words."""

from __future__ import annotations

from nanwatch.record.facts import Operand, OpInfo

# What an op of one argument is called before that argument.
FUNCTIONS = {
    "Log": "log",
    "Log1p": "log1p",
    "Exp": "exp",
    "Sqrt": "sqrt",
    "Rsqrt": "1/sqrt",
    "Reciprocal": "1/x",
    "Expm1": "expm1",
}


def operand_words(operand: Operand) -> str:
    """``"denominator 0"``, ``"argument from -3 to 0 (over the whole tensor)"``, ``"input 0 of size 0"``."""
    return f"{operand.name} {values_words(operand)}"


def values_words(operand: Operand) -> str:
    """The one value, or the range."""
    if not operand.size:
        return "of size 0"
    where = " (over the whole tensor)" if operand.whole else ""
    if operand.low is None or operand.high is None:
        return f"not finite{where}"
    low, high = f"{operand.low:.6g}", f"{operand.high:.6g}"
    return f"{low}{where}" if operand.low == operand.high else f"from {low} to {high}{where}"


def example_words(op: OpInfo) -> str:
    """The op at the first bad place: ``"0/0"``, ``"log of 0"``; empty where no short words are known."""
    first, second = (*(operand.first for operand in op.inputs), None, None)[:2]
    if first is None:
        return ""
    if op.type in ("RealDiv", "Div") and second is not None:
        return f"{first:g}/{second:g}"
    if op.type == "Pow" and second is not None:
        return f"{first:g} to the power {second:g}"
    if op.type in FUNCTIONS:
        return f"{FUNCTIONS[op.type]} of {first:g}"
    return f"gradient of sqrt at {first * first:g}" if op.type == "SqrtGrad" else ""
