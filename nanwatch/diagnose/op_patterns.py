"""Which known pattern a bad op is an example of: at most one."""

from __future__ import annotations

from typing import Literal

from nanwatch.diagnose.op_facts import (
    DIVISIONS,
    EXPONENTIALS,
    LOGARITHMS,
    has_empty_input,
    has_infinite_input,
    holds,
    is_half,
    is_masked_throughout,
    is_only,
    layer_of_op,
    loss_is_finite,
    operand,
)
from nanwatch.record.facts import IncidentInfo, OpInfo
from nanwatch.record.run import Fit

Pattern = Literal[
    "infinite-derivative",
    "where-trap",
    "log-of-zero",
    "log-of-negative",
    "exp-overflow",
    "division-by-zero",
    "fully-masked",
    "half-precision-overflow",
    "empty-batch",
    "epsilon-underflow",
]
# exp(x) is infinite above ln of the largest number: 3.4e38 and 65504.
EXP_LIMIT = 88.72
EXP_LIMIT_HALF = 11.09
# Functions that are finite at the edge of their domain while their slope is not.
STEEP = ("Sqrt", "Pow", "EuclideanNorm", "Atan2", "Acos", "Asin", "Acosh")
ROOTS, AT_ONE = ("Sqrt", "Rsqrt"), ("Acos", "Asin")
# A sum of a hundred products near 1 is off by as much: the spacing of numbers there is 1.2e-7, and 1e-3.
ROUNDING, ROUNDING_HALF = 1e-5, 1e-2


# In which of them an epsilon may have been meant to help, and up to which 1 less it is 1: half of the
# distance between the numbers below 1.
GUARDED = ("log-of-zero", "division-by-zero", "infinite-derivative")
BESIDE_ONE = {"float32": 2.0**-24, "float16": 2.0**-12, "bfloat16": 2.0**-9}


# On some devices these give a number where they are given NaN: relu(NaN) is 0 on a CPU.
COMPARING = frozenset(
    ("Relu", "Relu6", "LeakyRelu", "Maximum", "Minimum", "ClipByValue", "MaxPool", "Max", "Min")
)


def pattern_of(op: OpInfo, incident: IncidentInfo, fit: Fit) -> Pattern | None:
    """The pattern of ``op``. In a batch without a row, every mean is one over nothing.

    A layer's output may be NaN under a finite loss as well: on a CPU relu(NaN) is 0. Nothing was
    chosen there, so a non-finite activation is judged as a forward fault.
    """
    if incident.rows == 0:
        return "empty-batch"
    found = pattern_by_direction(op, incident, fit)
    if found in GUARDED and (lost_above_zero(op) or lost_below_one(op)):
        return "epsilon-underflow"
    return found


def pattern_by_direction(op: OpInfo, incident: IncidentInfo, fit: Fit) -> Pattern | None:
    went_bad = any(entry.role == "loss" for entry in incident.spread)  # run op by op, without fused kernels
    if loss_is_finite(incident) and not went_bad and incident.role in ("gradient", "weight", "update"):
        return backward_pattern(op, fit)
    if op.direction == "backward":
        return None
    return forward_pattern(op, fit)


def format_of(op: OpInfo) -> str:
    """The number format that the op computes in."""
    return op.inputs[0].dtype if op.inputs else "float32"


def lost_above_zero(op: OpInfo) -> bool:
    """A constant was added before the op that is 0: nobody writes that."""
    return any(each.type in ("AddV2", "Add") and each.value == 0.0 for each in op.met)


def lost_below_one(op: OpInfo) -> float | None:
    """Where a value was cut off above 0, if it was cut off at 1 as well by a number that is 1 less that."""
    is_cut = any(each.type == "Minimum" and each.value == 1.0 for each in op.met)
    least = [each.value for each in op.met if each.type == "Maximum" and each.value > 0.0]
    lost = [value for value in least if value <= BESIDE_ONE.get(format_of(op), BESIDE_ONE["float32"])]
    return lost[0] if is_cut and lost else None


def was_compared_away(op: OpInfo) -> bool:
    """No `where` chose another value: the NaN went into a comparison, out of which comes a number."""
    return bool(op.stopped_by) and COMPARING.issuperset(op.stopped_by)


def backward_pattern(op: OpInfo, fit: Fit) -> Pattern | None:
    """The loss is finite and the gradient is not.

    A forward op that gave no number, and yet a finite loss: its value was thrown away by a
    `where`, and its gradient was not, unless a comparison such as relu's has swallowed it. So it
    is with a slope that is infinite where the forward value was, too. Where the forward value is
    finite, the slope alone is infinite.
    """
    if op.direction == "forward":
        return forward_pattern(op, fit) if was_compared_away(op) else "where-trap"
    if op.type == "SqrtGrad":
        return "infinite-derivative" if holds(operand(op, "square root"), 0.0) else None
    if op.type == "Pow":
        return backward_power(op)
    if op.type in ("RsqrtGrad", "ReciprocalGrad", "InvGrad"):
        return "where-trap"
    if op.forward_type in STEEP:
        return "infinite-derivative"
    if op.type in (*DIVISIONS, "Reciprocal", "Inv", "Xdivy"):
        return "where-trap"
    return None


def backward_power(op: OpInfo) -> Pattern | None:
    """base ** (exponent - 1) at 0: with an exponent in (0, 1) the forward value was 0.

    Of a negative base a broken exponent gives no number, forward as well as backward.
    """
    base, exponent = operand(op, "base"), operand(op, "exponent")
    if base is None or exponent is None:
        return None
    if base[1] < 0.0 and not exponent[0].is_integer():
        return "where-trap"
    if not holds(base, 0.0) or exponent[0] >= 0.0:
        return None
    return "infinite-derivative" if exponent[0] > -1.0 else "where-trap"


def forward_pattern(op: OpInfo, fit: Fit) -> Pattern | None:
    if op.type in LOGARITHMS:
        argument = operand(op, "argument")
        if holds(argument, LOGARITHMS[op.type]):
            return "log-of-zero"
        return "log-of-negative" if argument and argument[1] < LOGARITHMS[op.type] else None
    if op.type == "Xlogy":
        return "log-of-zero" if holds(operand(op, "argument"), 0.0) else None
    if is_rounded_out(op, fit):
        return "infinite-derivative"
    if op.type in EXPONENTIALS:
        argument = operand(op, "argument")
        limit = EXP_LIMIT_HALF if is_half(op, fit) else EXP_LIMIT
        return "exp-overflow" if argument and max(abs(argument[0]), argument[1]) > limit else None
    if op.type in DIVISIONS and holds(operand(op, "denominator"), 0.0):
        return "fully-masked" if is_masked_pooling(op, fit) else "division-by-zero"
    if op.type in ("Reciprocal", "Rsqrt", "Inv") and is_only(operand(op, "argument"), 0.0):
        return "division-by-zero"
    if op.type == "Mean" and has_empty_input(op):
        return "division-by-zero"
    if is_masked_throughout(op):
        return "fully-masked"
    overflows = op.output != "nan" or has_infinite_input(op)
    return "half-precision-overflow" if is_half(op, fit) and overflows else None


def is_rounded_out(op: OpInfo, fit: Fit) -> bool:
    """A root of less than 0, or an arccos of more than 1, by no more than rounding: the end was meant."""
    argument = operand(op, "argument") or operand(op, "input 0")
    if op.type not in ROOTS + AT_ONE or argument is None:
        return False
    size = max(abs(argument[0]), abs(argument[1]))
    beyond = -argument[0] if op.type in ROOTS else size - 1.0
    outside = argument[1] < 0.0 if op.type in ROOTS else True
    return outside and 0.0 < beyond <= (ROUNDING_HALF if is_half(op, fit) else ROUNDING)


def is_masked_pooling(op: OpInfo, fit: Fit) -> bool:
    """The division is the mean over the valid steps of a sample, in a model that masks."""
    layer = layer_of_op(op, fit)
    masks = any(
        other.type == "Masking" or (other.type == "Embedding" and other.config.get("mask_zero"))
        for other in fit.model.layers
    )
    return layer is not None and masks and is_only(operand(op, "numerator"), 0.0)
