"""NW405: a division by 0 in the user's own computation."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import (
    has_empty_input,
    holds,
    is_built_in_loss,
    location_of_op,
    op_of,
    operand,
    where_words,
)
from nanwatch.diagnose.op_rule import OpRule, broken_run
from nanwatch.diagnose.op_words import example_words
from nanwatch.record.facts import IncidentInfo, OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class DivisionByZero(OpRule):
    """A division by 0, or a mean over nothing, in the loss or in a layer.

    ## What it does
    Looks for a bad step in which the first bad op is a division by 0, a reciprocal (square root) of 0,
    or the mean of no elements. The division inside Keras's own cross-entropy belongs to NW201, the mean
    over masked steps to NW406.

    ## Why is this bad
    A divisor such as the number of valid targets is 0 in the one batch that has none, and 0/0 is NaN.
    Which batch that is depends on the order of the data, so the fault looks random.

    ## Example
    ```python
    loss = tf.reduce_sum(errors * mask) / tf.reduce_sum(mask)
    ```

    ## Use instead
    ```python
    loss = tf.math.divide_no_nan(tf.reduce_sum(errors * mask), tf.reduce_sum(mask))
    ```
    """

    code, name, pattern = "NW405", "division-by-zero", "division-by-zero"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        op = op_of(fit, run)
        if op is not None and not is_built_in_loss(op, fit):
            yield from super().diagnose(fit, run)

    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        layer = f", in layer {op.layer}," if op.layer else ""
        if has_empty_input(op):
            return f"The mean of no elements{layer} was taken in step {incident.step}: 0/0."
        said = example_words(op) or f"{op.type} with a divisor of 0"
        seldom = "; whether a batch has one depends on the order of the data"
        seldom = "" if is_of_most_rows(op, incident) else seldom
        return f"A division by 0 ({said}){layer} came {where_words(op, incident)}{seldom}."

    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        where = location_of_op(op, fit)
        if has_empty_input(op):
            text = "Divide the sum by the count yourself: tf.math.divide_no_nan(tf.reduce_sum(v), n)."
        elif numerator_is_zero(op):
            text = "Let 0/0 be 0: tf.math.divide_no_nan(a, b); or tf.maximum(b, 1.0) under a count."
        else:
            text = (
                "Keep the divisor away from 0: a / tf.maximum(b, 1e-6), or b + 1e-6 where it is never "
                "negative. tf.math.divide_no_nan(a, b) would give 0 there, which may be divided by next."
            )
        return (Remedy(Intervention(InterventionKind.DIVIDE_NO_NAN, op.type), text, location=where),)

    @staticmethod
    def fires() -> list[Run]:
        return [
            broken_run(quotient(0, 0)),
            broken_run(quotient(3, (0, 1))),
            broken_run(
                OpInfo(
                    "Mean", "forward", None, made_up.line(24), made_up.operands(input_0=None), output="nan"
                )
            ),
            broken_run(
                OpInfo("Rsqrt", "forward", None, made_up.line(24), made_up.operands(argument=0), output="inf")
            ),
        ]

    @staticmethod
    def silent() -> list[Run]:
        of_keras = OpInfo(
            "RealDiv",
            "forward",
            None,
            made_up.line(10, "model.compile(...)"),
            made_up.operands(numerator=0, denominator=0),
        )
        return [
            broken_run(of_keras),
            broken_run(quotient(3e38, 1e-30)),
            broken_run(
                OpInfo(
                    "Mean",
                    "forward",
                    None,
                    made_up.line(24),
                    made_up.operands(input_0=(0, 3e38)),
                    output="inf",
                )
            ),
            broken_run(quotient(0, 0), 0.4),
        ]


def numerator_is_zero(op: OpInfo) -> bool:
    """At the bad places, most of which are NaN then; so, too, where it is not known."""
    numerator = operand(op, "numerator")
    return numerator is None or (holds(numerator, 0.0) and op.output in ("nan", None))


def is_of_most_rows(op: OpInfo, incident: IncidentInfo) -> bool:
    """Each batch has such rows, then."""
    return bool(op.rows and incident.rows) and 2 * len(op.rows) > (incident.rows or 0)


def quotient(numerator: float, denominator: float | tuple[float, float]) -> OpInfo:
    where = made_up.line(24, "loss = tf.reduce_sum(errors * mask) / tf.reduce_sum(mask)")
    inputs = made_up.operands(numerator=numerator, denominator=denominator)
    return OpInfo("RealDiv", "forward", None, where, inputs, "nan", num_bad=1, size=1)
