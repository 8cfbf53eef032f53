"""NW401: a function whose slope is infinite at a value that came."""

from __future__ import annotations

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.op_facts import location_of_op, operand, where_words
from nanwatch.diagnose.op_rule import OpRule, broken_run
from nanwatch.record.facts import IncidentInfo, OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

FUNCTIONS = {
    "SqrtGrad": "sqrt",
    "Sqrt": "sqrt",
    "Pow": "a power below 1",
    "EuclideanNorm": "the Euclidean norm",
    "Atan2": "atan2",
    "Acos": "arccos",
    "Asin": "arcsin",
    "Acosh": "arccosh",
}
AT_ONE = ("Acos", "Asin", "Acosh")
DIFFERENCES = ("Sub", "AddN", "Neg")
CUTS = ("Maximum", "Relu", "ClipByValue")
LEAST = 1e-6  # above the rounding of differences of numbers near 1
EPSILON = 1e-12  # below float32's rounding of 1, above the smallest normal number by 26 orders


class InfiniteDerivative(OpRule):
    """A function was differentiated at a point where its slope is infinite: sqrt, norm or a power below 1
    at 0.

    ## What it does
    Looks for a bad step whose loss is finite and whose gradient is not, in which the first bad op is
    the gradient of sqrt, of a norm, of x ** p with p < 1 (at 0), or of arccos or arcsin (at 1). If only
    rounding has moved the argument beyond that end, where sqrt and arccos themselves are NaN, it is the
    same fault: `1 - cos ** 2` of two equal vectors.

    ## Why is this bad
    sqrt(0) is 0, so the loss shows nothing. But its slope 1 / (2 sqrt(0)) is infinite, and infinity
    times 0 in the next op is NaN. One such row makes all weights NaN, while the loss is printed as an
    ordinary number. It needs no large gradient, and clipping cannot help: a clipped NaN is NaN.

    ## Example
    ```python
    distance = tf.sqrt(tf.reduce_sum(tf.square(a - b), axis=1))  # a == b in some pair
    ```

    ## Use instead
    ```python
    distance = tf.sqrt(tf.reduce_sum(tf.square(a - b), axis=1) + 1e-12)
    sine = tf.sqrt(tf.maximum(1.0 - cosine**2, 1e-6))  # a difference: an epsilon is lost beside the 1
    ```
    """

    code, name, pattern = "NW401", "infinite-derivative", "infinite-derivative"

    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        if op.direction == "forward":
            end = "1 in size" if op.type in AT_ONE else "0"
            return (
                f"{function(op).capitalize()} was given {number(outermost(op))}, which is {end} but for "
                f"rounding, {where_words(op, incident)}: beyond that end of its domain it is NaN, and at it "
                "its slope is infinite."
            )
        return (
            f"The slope of {function(op)} is infinite at {edge(op)}, which came {where_words(op, incident)}: "
            f"the loss there is finite ({incident.loss:.4g}) and the gradient is not."
        )

    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        where = location_of_op(op, fit)
        kind = op.forward_type or op.type
        if kind in AT_ONE:
            text = "Keep the argument away from the ends: tf.clip_by_value(v, -1 + 1e-6, 1 - 1e-6)."
            return (
                Remedy(Intervention(InterventionKind.CLIP_ARGUMENT, op.type, 1e-6), text, location=where),
            )
        if op.direction == "forward" or op.made_by in (*DIFFERENCES, *CUTS):
            why = (
                "It is already cut off at 0, where the slope is infinite"
                if op.made_by in CUTS
                else "It is a difference, which rounding can take to 0 and below: 1e-12 is too small for that"
            )
            text = f"Keep the argument above 0: tf.maximum(v, {LEAST:g}). {why}."
            return (
                Remedy(Intervention(InterventionKind.GUARD_ARGUMENT, op.type, LEAST), text, location=where),
            )
        text = f"Add a small constant inside: tf.sqrt(v + {EPSILON:g}), tf.pow(v + {EPSILON:g}, p)."
        return (Remedy(Intervention(InterventionKind.ADD_EPSILON, op.type, EPSILON), text, location=where),)

    @staticmethod
    def fires() -> list[Run]:
        return [
            broken_run(sqrt_at_zero(), 0.576),
            broken_run(sqrt_at_zero(), 0.576, rose=True),
            broken_run(power(-0.5), 0.3),
            broken_run(OpInfo("Reciprocal", "backward", output="inf", forward_type="Acos"), 0.3),
            broken_run(rounded("Sqrt", -1e-5)),
            broken_run(rounded("Acos", 1.0000002)),
        ]

    @staticmethod
    def silent() -> list[Run]:
        large = OpInfo(
            "SqrtGrad",
            "backward",
            inputs=made_up.operands(square_root=1e-30, incoming_gradient=1e30),
            output="inf",
        )
        return [
            broken_run(sqrt_at_zero()),
            broken_run(rounded("Sqrt", -1.1e-5)),
            broken_run(rounded("Acos", 1.0002)),
            broken_run(large, 0.576),
            broken_run(power(-1.0), 0.3),
            broken_run(OpInfo("Reciprocal", "backward", output="inf", forward_type="Log"), 0.3),
            made_up.run(loss=[0.7, float("nan")], incident={"role": "gradient", "loss": 0.7}),
        ]


def function(op: OpInfo) -> str:
    return FUNCTIONS.get(op.forward_type or op.type, op.forward_type or op.type)


def outermost(op: OpInfo) -> float:
    """The argument that is furthest beyond the end."""
    low, high = operand(op, "argument") or operand(op, "input 0") or (0.0, 0.0)
    return max(low, high, key=abs)


def edge(op: OpInfo) -> str:
    return "the end of its domain" if (op.forward_type or op.type) in AT_ONE else "0"


def sqrt_at_zero() -> OpInfo:
    return OpInfo(
        "SqrtGrad",
        "backward",
        location=made_up.line(20, "return tf.sqrt(squares)"),
        inputs=made_up.operands(square_root=0, incoming_gradient=(-0.03, -0.01)),
        output="inf",
        num_bad=8,
        size=32,
        rows=tuple(range(8)),
        forward_type="Sqrt",
    )


def rounded(kind: str, argument: float) -> OpInfo:
    """A function of what would be the end of its domain, if it were not for rounding."""
    given = made_up.operands(argument=argument) if kind == "Sqrt" else made_up.operands(input_0=argument)
    return OpInfo(kind, "forward", inputs=given, output="nan", num_bad=1, size=32, made_by="Sub")


def power(exponent: float) -> OpInfo:
    """The gradient of base ** (exponent + 1) at 0."""
    return OpInfo("Pow", "backward", inputs=made_up.operands(base=0, exponent=exponent), output="inf")
