"""NW410: the first op that gave a non-finite value, where no pattern is known."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import (
    facts,
    is_built_in_loss,
    is_zero_times_infinity,
    location_of_op,
    where_words,
)
from nanwatch.diagnose.op_patterns import pattern_of
from nanwatch.diagnose.op_rule import symptoms_of_op
from nanwatch.diagnose.op_words import example_words, inputs_words
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Below every rule that names a fault: the place is known here, the fault is not.
PLACE_ONLY = 0.05
LARGE = 1e9  # whose exp is 0 when it is below the others by so much


class NonfiniteOp(Rule):
    """An op gave NaN or infinity from finite inputs, and no other rule knows the pattern.

    ## What it does
    Says which op it was, what its inputs were, and which line of the script it belongs to. It is
    often the consequence of another fault: weights that have grown until a sum overflows.

    ## Why is this bad
    Everything after this op in the step is NaN, and after the update the weights are too.

    ## Example
    ```python
    distance = tf.linalg.inv(covariance)  # singular in this batch
    ```

    ## Use instead
    ```python
    distance = tf.linalg.inv(covariance + 1e-6 * tf.eye(n))
    ```
    """

    code, name = "NW410", "nonfinite-op"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        incident = incident_of(fit, run)
        if incident is None or incident.op is None:
            return
        op = incident.op
        pattern = pattern_of(op, incident, fit)
        if not is_unnamed(pattern, op, fit):
            return
        layer = f" in layer {op.layer}" if op.layer else ""
        example = example_words(op)
        said = f" ({example})" if example else ""
        explained = symptoms_of_op(op, incident)
        yield self.finding(
            fit,
            f"{op.type}{said}, {op.direction}{layer}, gave {op.output or incident.value} from "
            f"{inputs_words(op)} {where_words(op, incident)}.",
            *facts(op, fit, incident),
            location=location_of_op(op, fit),
            layer=op.layer,
            remedies=tuple(remedies(op, fit)),
            strength=PLACE_ONLY,
            explains=explained,
            shows=explained & {"nonfinite-activation", "nonfinite-loss", "nonfinite-gradient"},
            since=incident.step,
        )

    @staticmethod
    def fires() -> list[Run]:
        where = made_up.line(31, "tf.linalg.inv(covariance)")
        inverse = OpInfo(
            "MatrixInverse", "forward", None, where, made_up.operands(input_0=(0, 1)), output="inf"
        )
        negative = OpInfo("Log", "forward", None, where, made_up.operands(argument=-0.5), "nan")
        matmul = OpInfo("MatMul", "backward", "dense", output="inf")
        return [
            made_up.run(loss=[0.7, float("nan")], incident={"op": inverse, "loss": float("nan")}),
            made_up.run(loss=[0.7, float("nan")], incident={"op": negative, "loss": float("nan")}),
            made_up.run(loss=[0.7, 0.6], incident={"op": matmul, "role": "gradient", "loss": 0.6}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        where = made_up.line(31, "tf.math.log(p)")
        log = OpInfo("Log", "forward", None, where, made_up.operands(argument=0), output="-inf")
        root = OpInfo("SqrtGrad", "backward", None, where, made_up.operands(square_root=0), output="inf")
        return [
            made_up.run(loss=[0.7, float("nan")], incident={"op": log, "loss": float("nan")}),
            made_up.run(loss=[0.7, 0.6], incident={"op": root, "role": "gradient", "loss": 0.6}),
            made_up.run(loss=[0.7, float("nan")], incident={}),
            made_up.run(),
        ]


def remedies(op: OpInfo, fit: Fit) -> Iterator[Remedy]:
    if is_zero_times_infinity(op):
        text = (
            "0 times infinity is NaN, not 0: choose instead of multiplying, tf.where(keep, v, "
            "float('-inf')), or take a large finite number, v + (1 - keep) * -1e9."
        )
        change = Intervention(InterventionKind.CLIP_ARGUMENT, op.type, LARGE)
        yield Remedy(change, text, location=location_of_op(op, fit))


def is_unnamed(pattern: str | None, op: OpInfo, fit: Fit) -> bool:
    """No other rule of this family speaks of the op."""
    if pattern == "division-by-zero":
        return is_built_in_loss(op, fit)
    return pattern is None or pattern == "log-of-negative"
