"""NW409: predictions or weights that are NaN under a finite loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import bad_elements, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import symptoms_from
from nanwatch.record.facts import OpInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Some NaN among the predictions may be meant, and masked before the loss; all of them are not.
ALL = 1.0
# One step may be seen between an update and the loss that would show it.
STEPS = 2


class NanHiddenByComparison(Rule):
    """The predictions or the weights are NaN, but the loss is a finite number.

    ## What it does
    Looks for predictions that are all NaN, or weights that are NaN, in steps whose loss is finite.

    ## Why is this bad
    No comparison with NaN is true: `where(error > margin, error, 0)` gives 0 for a NaN error. The loss
    is 0 or constant, which looks like a finished training. TerminateOnNaN does not stop it, and the
    weights that are saved are NaN.

    ## Example
    ```python
    loss = tf.where(error > margin, error, 0.0)
    ```

    ## Use instead
    ```python
    loss = tf.where(error <= margin, 0.0, error)  # NaN stays NaN, and is seen
    ```
    """

    code, name = "NW409", "nan-hidden-by-comparison"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        incident = incident_of(fit, run)
        seen = find_in_batch(fit, run) or find_in_weights(fit) or find_in_predictions(fit)
        if seen is None:
            return
        what, loss, since = seen
        known = incident is not None and incident.op is not None
        text = (
            "Reverse the comparison, so that a NaN is kept: "
            "where(error <= margin, 0, error); or add keras.ops.sum(error) * 0 to the loss."
        )
        yield self.finding(
            fit,
            f"{what}, but the loss is {number(loss)}: a comparison, which is false for NaN, "
            "hides it. The loss says nothing from there on.",
            location=fit.model.compile_location or fit.info.location,
            remedies=(Remedy(Intervention(InterventionKind.TURN_COMPARISON, "loss"), text),),
            part="contributing" if known else "cause",
            level="warning" if known else "error",
            strength=0.5,
            shows={"nonfinite-output"},
            explains=symptoms_from("nonfinite-output") | {"zero-loss", "constant-output"},
            since=since,
        )

    @staticmethod
    def fires() -> list[Run]:
        division = OpInfo("RealDiv", "forward", "lambda", output="nan")
        return [
            hidden_nan_run(predictions(32), 0.0),
            hidden_nan_run(predictions(32), 0.0, division),
            nan_weights_run([1.0, math.nan, math.nan], [0.5, 0.0, 0.0]),
            nan_predictions_run(512.0, 0.0),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            hidden_nan_run(predictions(31), 0.0),
            hidden_nan_run(predictions(32), math.nan),
            nan_weights_run([1.0, math.nan, math.nan], [0.5, math.nan, math.nan]),
            nan_weights_run([1.0, 1.0, math.nan], [0.5, 0.5, 0.5]),
            nan_weights_run([1.0, math.inf, math.inf], [0.5, 0.5, 0.5]),
            nan_predictions_run(511.0, 0.0),
            nan_predictions_run(512.0, math.nan),
        ]


HiddenNan = tuple[str, float, int]  # what is NaN, the finite loss beside it, the step


def find_in_batch(fit: Fit, run: Run) -> HiddenNan | None:
    incident = incident_of(fit, run)
    if incident is None or incident.loss is None or not math.isfinite(incident.loss):
        return None
    output = next(iter(incident.outputs), None)
    if output is None or not output.size or output.num_nan < ALL * output.size:
        return None
    if any(map(bad_elements, (*incident.batch.inputs, *incident.batch.labels))):
        return None  # what is wrong there is the batch, and others say so
    words = f"All {output.size} predictions of step {incident.step} are NaN"
    return words, incident.loss, incident.step


def find_in_weights(fit: Fit) -> HiddenNan | None:
    """A weight that is NaN at the end, under losses that are finite."""
    losses = fit.steps.recent_values("loss", last=STEPS)
    if len(losses) < STEPS or not all(map(math.isfinite, losses)):
        return None
    for path in fit.steps.paths("weight", "l2_norm"):
        if all(map(math.isnan, fit.steps.recent_values("weight", path, "l2_norm", last=STEPS))):
            norms = fit.steps.values("weight", path, "l2_norm")
            since = next(step for step, norm in norms if math.isnan(norm))
            return f"The weight {path} is NaN since step {since}", losses[-1], since
    return None


def find_in_predictions(fit: Fit) -> HiddenNan | None:
    """All predictions NaN at the last look, in a step with a finite loss."""
    losses = dict(fit.losses())
    for output in fit.model.outputs:
        bad = fit.health.values("output", output.path, "num_nan")[-1:]
        size = dict(fit.health.values("output", output.path, "size"))
        for step, count in bad:
            loss = losses.get(step, math.nan)
            if 0 < size.get(step, 0.0) * ALL <= count and math.isfinite(loss):
                return f"All {count:.0f} predictions of step {step} are NaN", loss, step
    return None


def predictions(bad: int) -> TensorSummary:
    return made_up.tensor("output", rows=32, size=32, num_nan=bad)


def hidden_nan_run(
    output: TensorSummary, loss: float, op: OpInfo | None = None, role: str = "gradient"
) -> Run:
    incident = {"role": role, "loss": loss, "outputs": (output,), "op": op, "rows": 32}
    return made_up.run(loss=[0.7, 0.6, loss], incident=incident)


def nan_weights_run(norms: list[float], losses: list[float]) -> Run:
    return made_up.run(loss=losses, steps={("weight", "dense/kernel", "l2_norm"): norms})


def nan_predictions_run(bad: float, loss: float) -> Run:
    health = {("output", "output", "num_nan"): [bad], ("output", "output", "size"): [512.0]}
    return made_up.run(loss=[loss] * 5, health=health)
