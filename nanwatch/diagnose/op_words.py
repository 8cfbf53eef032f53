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
    """The one value, or the range, and what is infinite."""
    if not operand.size:
        return "of size 0"
    counts = ((operand.num_neg_inf, "-inf"), (operand.num_pos_inf, "inf"), (operand.num_nan, "NaN"))
    said = [
        value if count == operand.size else f"{value} {count:,} times" for count, value in counts if count
    ]
    if operand.low is not None and operand.high is not None:
        low, high = f"{operand.low:.6g}", f"{operand.high:.6g}"
        said.insert(0, low if low == high else f"from {low} to {high}")
    where = " (over the whole tensor)" if operand.whole else ""
    return f"{' and '.join(said) or 'not finite'}{where}"


def inputs_words(op: OpInfo) -> str:
    """Of which inputs the op made what is not finite."""
    if any(operand.num_nan for operand in op.inputs):
        return "inputs that held NaN when they came into the step"
    infinite = any(operand.num_neg_inf or operand.num_pos_inf for operand in op.inputs)
    return "inputs without NaN, some of them infinite," if infinite else "finite inputs"


def first_op_words(op: OpInfo) -> str:
    """What the op is, of all those of the step."""
    return f"first op with {inputs_words(op)} and a non-finite output"


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
