"""NW402: `where` hid a bad value, and let its gradient through."""

from __future__ import annotations

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.op_facts import location_of_op, where_words
from nanwatch.diagnose.op_rule import OpRule, broken_run
from nanwatch.diagnose.op_words import example_words
from nanwatch.record.facts import IncidentInfo, OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class WhereTrap(OpRule):
    """The branch of a `where` that was not chosen is outside the domain of its function, and spoils the
    gradient.

    ## What it does
    Looks for a bad step whose loss is finite and whose gradient is not, in which the forward value of
    the first bad op was not used: a log of 0, a division by 0, or a sqrt of a negative number in the
    branch that `where` did not choose.

    ## Why is this bad
    `tf.where(x > 0, tf.math.log(x), 0.0)` is finite in the forward pass. In the backward pass the
    branch that was not chosen gets the gradient 0, and 0 times the infinite slope of log at 0 is NaN.
    `where` protects the value, not the gradient.

    ## Example
    ```python
    y = tf.where(x > 0, tf.math.log(x), 0.0)
    ```

    ## Use instead
    ```python
    safe = tf.where(x > 0, x, 1.0)  # inside the function, too
    y = tf.where(x > 0, tf.math.log(safe), 0.0)
    ```
    """

    code, name, pattern = "NW402", "where-trap", "where-trap"

    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        what = f"{op.forward_type} (its gradient, {op.type})" if op.forward_type else op.type
        if op.forward_type == op.type:
            what = f"The gradient of {op.type}"
        example = example_words(op)
        said = f" ({example})" if example else ""
        return (
            f"{what}{said} is out of its domain {where_words(op, incident)}. Its value was not "
            f"chosen, so the loss is finite ({incident.loss:.4g}), but its gradient is not."
        )

    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        text = (
            "Choose a safe argument first: safe = tf.where(ok, x, 1.0); tf.where(ok, f(safe), 0.0). "
            "For a quotient, tf.math.divide_no_nan(a, b) does the same."
        )
        return (
            Remedy(
                Intervention(InterventionKind.GUARD_ARGUMENT, op.forward_type or op.type, 1.0),
                text,
                location=location_of_op(op, fit),
            ),
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            broken_run(hidden_log(-1), 0.4),
            broken_run(OpInfo("Reciprocal", "backward", output="inf", forward_type="Log"), 0.4),
            broken_run(
                OpInfo(
                    "RealDiv", "backward", inputs=made_up.operands(numerator=0, denominator=0), output="nan"
                ),
                0.4,
            ),
            broken_run(
                OpInfo("Pow", "backward", inputs=made_up.operands(base=0, exponent=-1), output="inf"), 0.4
            ),
            broken_run(OpInfo("Pow", "backward", inputs=made_up.operands(base=(-2, -1), exponent=-0.5)), 0.4),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            broken_run(hidden_log(-1)),
            broken_run(OpInfo("Reciprocal", "backward", output="inf", forward_type="Acos"), 0.4),
            broken_run(
                OpInfo("Pow", "backward", inputs=made_up.operands(base=0, exponent=-0.9), output="inf"), 0.4
            ),
            broken_run(OpInfo("Pow", "backward", inputs=made_up.operands(base=(-2, -1), exponent=-2)), 0.4),
            broken_run(OpInfo("MatMul", "backward", output="inf"), 0.4),
            broken_run(hidden_log(-1), 0.4, role="activation", path="dense"),
        ]


def hidden_log(argument: float) -> OpInfo:
    return OpInfo(
        "Log",
        "forward",
        location=made_up.line(21, "tf.where(x > 0, tf.math.log(x), 0.0)"),
        inputs=made_up.operands(argument=argument),
        output="nan",
        num_bad=3,
        size=32,
        rows=(1, 5, 9),
    )
