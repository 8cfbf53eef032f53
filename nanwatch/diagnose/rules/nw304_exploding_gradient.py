"""NW304: gradients that grow step after step."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.growth import BEGINS, growth_of_gradients
from nanwatch.diagnose.observed import GROWTH
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

CLIP = 1.0  # the norm that recurrent nets are commonly clipped to


class ExplodingGradient(Rule):
    """The gradients grow by orders of magnitude, step after step, before anything is non-finite.

    ## What it does
    Compares the norm of all gradients together with that of the first steps. A growth by a factor of a
    thousand that lasts to the end, or to the step that went bad, is reported. A spike that goes away is
    not.

    ## Why is this bad
    The weights follow the gradients, the activations follow the weights, and the loss ends as inf or
    NaN. This is more often a symptom than the fault itself: look for raw inputs or targets, a learning
    rate that is too high, or an unbounded activation in a recurrent layer.

    ## Example
    ```python
    keras.optimizers.SGD(0.1)  # targets 180000 +- 80000
    ```

    ## Use instead
    ```python
    keras.optimizers.SGD(1e-3, clipnorm=1.0)  # and scaled targets
    ```
    """

    code, name, level = "NW304", "exploding-gradient", "warning"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.steps.paths("gradient", "l2_norm") else "the gradients were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        grown = growth_of_gradients(fit)
        if grown is None:
            return
        layer, ratio = steepest_layer(fit)
        optimizer = fit.model.optimizer
        at = (optimizer.location if optimizer else None) or fit.model.compile_location
        text = f"Clip the gradients: clipnorm={CLIP:g} in the optimizer."
        yield self.finding(
            fit,
            f"The gradients grew from a norm of {number(grown.start)} to {number(grown.peak)} "
            f"since step {grown.since}, all finite.",
            *([f"Steepest in {layer.name}: {number(ratio)} times its first norm."] if layer else []),
            location=layer.location if layer else at,
            layer=layer.path if layer else None,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.SET_CLIPNORM, "optimizer", CLIP),
                    text,
                    location=at,
                    general_damper=True,
                ),
            ),
            strength=0.4,
            shows={"growth"},
            explains={"growth"} | NONFINITE_FORWARD,
            since=grown.since,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            norms_run([1.0, 30.0, 1000.0, math.inf]),
            norms_run([1.0] * 20 + [4.0**step for step in range(8)]),
            norms_run([1.0] * 60 + [1000.0] * 10),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            norms_run([1.0, 30.0, 999.0, math.inf]),
            norms_run([1.0] * 60 + [999.0] * 10),
            norms_run([1.0] * 60 + [1e6, 1e6] + [1.0] * 40),
            norms_run([1.0] * 40 + [math.nan]),
            norms_run([1e-4] * 60 + [9.0] * 10),
        ]


def steepest_layer(fit: Fit) -> tuple[LayerInfo | None, float]:
    """The layer whose gradient grew by the largest factor from the first step to the last finite one."""
    best: tuple[LayerInfo | None, float] = (None, BEGINS)
    owners = {weight.path: weight.layer for weight in fit.model.weights}
    for path in fit.steps.paths("gradient", "l2_norm"):
        values = [v for _, v in fit.steps.values("gradient", path, "l2_norm") if math.isfinite(v)]
        if values and values[0] > 0 and max(values) / values[0] > best[1]:
            best = (fit.layer(owners.get(path)), max(values) / values[0])
    return best if best[0] is not None else (None, GROWTH)


def norms_run(values: list[float]) -> Run:
    steps = {("gradient", "dense/kernel", "l2_norm"): values}
    return made_up.run(loss=[0.7] * len(values), steps=steps)
