"""NW411: an epsilon that the number format rounds to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.op_facts import location_of_op, where_words
from nanwatch.diagnose.op_patterns import format_of, lost_above_zero, lost_below_one
from nanwatch.diagnose.op_rule import OpRule, broken_run
from nanwatch.diagnose.symptoms import STUCK, symptoms_from
from nanwatch.record.facts import IncidentInfo, MetConstant, OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Of float16: half of the least number above 0, up to which all is rounded to 0; and the least that has
# all its digits. Adam's squares of gradients are below the one for gradients below 8e-3.
ROUNDED_TO_ZERO = 2.0**-25
FULL_DIGITS = 2.0**-14
# In the place of the epsilon: of float16 the first round numbers that it holds, and of float32 what it
# tells from 1. With 1e-4 Adam was seen to train in float16 as in float32.
HALF_EPSILON = 1e-4
ABOVE_ZERO = {"float16": 1e-3}  # what is divided by 1e-4 leaves float16 as soon as a scale is on the loss
ABOVE_ZERO_IN_FULL = 1e-7
BESIDE_ONE = {"float16": 1e-3, "bfloat16": 1e-2}
BESIDE_ONE_IN_FULL = 1e-7


class EpsilonUnderflow(OpRule):
    """An epsilon that should keep a number away from 0 or 1 is rounded to nothing by the number format.

    ## What it does
    Looks for a bad step in which a logarithm, a root or a division got 0, although a constant was added
    before that is 0 in this format (1e-8 in float16), or the value was clipped at 1 - 1e-8, which is 1
    in float32. Also looks for an optimizer whose weights are themselves float16, not mixed, and whose
    epsilon is too small for float16: Keras's 1e-7 is at its limit, 1e-8 is 0.

    ## Why is this bad
    The line looks safe but is not. float16 has no number between 0 and 6e-8 and few digits below 6e-5.
    The numbers just below 1 are 5e-4 apart in float16, and 6e-8 in float32. Adam divides by the root of
    squared gradients plus epsilon: the squares are 0 for gradients below 8e-3, and a step is 0/0, or a
    thousand times too long.

    ## Example
    ```python
    keras.config.set_dtype_policy("float16")
    model.compile(keras.optimizers.Adam(epsilon=1e-8))
    p = tf.clip_by_value(p, 1e-8, 1 - 1e-8)  # float32: the upper end is 1
    ```

    ## Use instead
    ```python
    keras.config.set_dtype_policy("mixed_float16")
    model.compile(keras.optimizers.Adam())
    p = tf.clip_by_value(p, 1e-7, 1 - 1e-7)
    ```
    """

    code, name, pattern = "NW411", "epsilon-underflow", "epsilon-underflow"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if holds_half(fit) else super().missing(fit, run)

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        yield from super().diagnose(fit, run)
        optimizer = fit.model.optimizer
        epsilon = optimizer.config.get("epsilon") if optimizer is not None else None
        if holds_half(fit) and isinstance(epsilon, float) and epsilon < FULL_DIGITS:
            yield self.build_optimizer_finding(fit, epsilon)

    def build_optimizer_finding(self, fit: Fit, epsilon: float) -> Finding:
        optimizer = fit.model.optimizer
        assert optimizer is not None
        at = optimizer.location or fit.model.compile_location
        gone = epsilon <= ROUNDED_TO_ZERO
        becomes = "is 0 there" if gone else "has hardly a digit there"
        return self.finding(
            fit,
            f"The weights are float16, and so is what {optimizer.type} keeps of them: its epsilon "
            f"{number(epsilon)} {becomes}, and squares of gradients below 8e-3 are 0. "
            f"{'A step of such a weight is 0/0.' if gone else 'Steps of such weights are far too long.'}",
            location=at,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.SET_DTYPE_POLICY, "model", "mixed_float16"),
                    "Keep weights in float32: set_dtype_policy('mixed_float16') computes in float16 only.",
                ),
                Remedy(
                    Intervention(InterventionKind.SET_EPSILON, "optimizer", HALF_EPSILON),
                    f"Or set epsilon={HALF_EPSILON:g}, which fits in float16.",
                    location=at,
                ),
            ),
            level="error" if gone else "warning",
            strength=0.95 if gone else 0.6,
            explains={"growth", "large-loss", "saturated", "dead-activation", "weights-still"}
            | STUCK
            | symptoms_from("nonfinite-weight"),
        )

    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        kind, format = op.forward_type or op.type, format_of(op)
        if lost_above_zero(op):
            return (
                f"The constant that should keep the argument of {kind} off 0 is itself 0 in {format}: it "
                f"was 0 {where_words(op, incident)}."
            )
        least = lost_below_one(op) or 0.0
        return (
            f"The argument of {kind} should be cut off below 1, and 1 - {number(least)} is 1 in {format}: it "
            f"was 0 {where_words(op, incident)}."
        )

    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        where, format = location_of_op(op, fit), format_of(op)
        if lost_above_zero(op):
            least = ABOVE_ZERO.get(format, ABOVE_ZERO_IN_FULL)
            change = Intervention(InterventionKind.ADD_EPSILON, op.type, least)
            wider = ", or cast to float32 before" if format in BESIDE_ONE else ""
            text = f"Add a number that fits in {format}, such as {least:g}{wider}."
            return (Remedy(change, text, location=where),)
        least = BESIDE_ONE.get(format, BESIDE_ONE_IN_FULL)
        change = Intervention(InterventionKind.GUARD_ARGUMENT, op.type, least)
        text = (
            f"Cut it off where {format} can tell it from 1: "
            f"tf.clip_by_value(p, {least:g}, 1 - {least:g}); better, compute the loss from logits."
        )
        return (Remedy(change, text, location=where),)

    @staticmethod
    def fires() -> list[Run]:
        return [
            broken_run(log_after(MetConstant("AddV2", 0.0))),
            broken_run(cut_at(5e-8)),
            broken_run(cut_at(2e-4, "float16")),
            half_run(ROUNDED_TO_ZERO),
            half_run(1e-7),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            broken_run(log_after()),
            broken_run(log_after(MetConstant("AddV2", 1e-7))),
            broken_run(log_after(MetConstant("Minimum", 1.0))),
            broken_run(cut_at(7e-8)),
            broken_run(cut_at(3e-4, "float16")),
            half_run(FULL_DIGITS),
            half_run(1e-8, dtype="float32"),
        ]


def holds_half(fit: Fit) -> bool:
    """Whether a weight that is trained is float16, and so what an optimizer keeps of it."""
    return any(weight.trainable and weight.dtype == "float16" for weight in fit.model.weights)


def log_after(*met: MetConstant, dtype: str = "float32") -> OpInfo:
    """A logarithm of 0 that met these constants before."""
    given = tuple(replace(each, dtype=dtype) for each in made_up.operands(argument=0))
    where = made_up.line(22, "return -tf.math.log(p + 1e-8)")
    return OpInfo("Log", "forward", None, where, given, output="-inf", num_bad=2, size=32, met=met)


def cut_at(least: float, dtype: str = "float32") -> OpInfo:
    """The logarithm of 1 - p where p was cut off at ``least`` and at 1."""
    met = (MetConstant("Sub", 1.0), MetConstant("Maximum", least), MetConstant("Minimum", 1.0))
    return log_after(*met, dtype=dtype)


def half_run(epsilon: float, dtype: str = "float16") -> Run:
    """Weights of this type under Adam with this epsilon."""
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    assert of.optimizer is not None
    of.optimizer.config["epsilon"] = epsilon
    weights = tuple(replace(weight, dtype=dtype) for weight in of.weights)
    return made_up.run(replace(of, weights=weights), loss=[0.7] + [8.4] * 120, targets=[made_up.labels(0, 1)])
