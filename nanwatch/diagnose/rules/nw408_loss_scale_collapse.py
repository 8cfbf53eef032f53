"""NW408: a loss scale that only ever falls."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import list_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import PATIENCE_STEPS, are_weights_still, gradient_norms, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import ModelInfo, OptimizerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Keras begins at 2**15 and halves at every overflow. After 16 halvings the scale is below 1: the
# gradient would overflow without any scale. Healthy trainings were seen to need 1 to 5 of them.
HALVINGS = 16
BEGINS = 2.0**15


class LossScaleCollapse(Rule):
    """The loss scale is halved step after step and never recovers.

    ## What it does
    Looks, under loss scaling, for at least 16 steps in a row whose gradient is not finite while the
    loss is, and for weights that get no gradient from then on. A step that is skipped now and then is
    healthy and not reported.

    ## Why is this bad
    A step whose gradient is not finite is skipped, and the scale is halved. That helps if the scale was
    too large. If the gradient is NaN at every scale, all steps are skipped, until the scale is so small
    that every gradient in float16 is 0. The loss is printed, layers do not learn, and no error is
    raised.

    ## Example
    ```python
    keras.mixed_precision.set_global_policy("mixed_float16")
    distance = ops.sqrt(ops.sum(x**2, axis=-1))  # NaN gradient at 0, in every batch
    ```

    ## Use instead
    ```python
    distance = ops.sqrt(ops.sum(x**2, axis=-1) + 1e-4)  # 1e-7 and less is 0 in float16
    ```
    """

    code, name = "NW408", "loss-scale-collapse"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if not scales_its_loss(fit.model) or fit.steps.paths("gradient", "l2_norm"):
            return None
        return "the gradients were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if not scales_its_loss(fit.model) or incident_of(fit, run) is not None:
            return
        first, skipped = longest_skip(fit)
        if skipped < HALVINGS:
            return
        at_end = first + skipped >= fit.info.steps
        starved = [] if at_end else weights_without_gradient(fit)
        if not at_end and not starved:
            return
        optimizer = fit.model.optimizer
        text = (
            "Train one epoch in float32 (leave the policy out): the step that breaks is then named. "
            "mixed_bfloat16 helps where it is an overflow, as it has the range of float32."
        )
        scale = fit.steps.recent_values("loss_scale", last=1)
        yield self.finding(
            fit,
            f"Under a finite loss the gradient was not finite in {skipped} steps in a row: each "
            f"was skipped and the loss scale halved, from {BEGINS:.0f} to {scale_words(scale, skipped)}.",
            f"steps {first} to {first + skipped - 1} of {fit.info.steps} were skipped",
            *([f"the gradient is exactly 0 since, in {list_words(starved)}"] if starved else []),
            *(["no weight has moved"] if are_weights_still(fit) else []),
            location=(optimizer.location if optimizer else None) or fit.model.compile_location,
            remedies=(Remedy(Intervention(InterventionKind.SET_DTYPE_POLICY, "model", "float32"), text),),
            strength=0.85,
            shows={"weights-still"},
            explains={"weights-still", "nonfinite-gradient"} | STUCK,
            since=first,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            half_precision_run([1.0] * 4 + [math.nan] * 16),
            half_precision_run([math.inf] * 40),
            half_precision_run([math.nan] * 40, scale=1e-9),
            half_precision_run([math.nan] * 40 + [0.0] * 20),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            half_precision_run([1.0] * 4 + [math.nan] * 15),
            half_precision_run([math.nan] * 40 + [1.0] * 20),
            half_precision_run([math.nan] * 40 + [0.0] * 19),
            half_precision_run([math.nan] * 40, loss=math.nan),
            half_precision_run([math.nan] * 40, scaling=False),
        ]


def scales_its_loss(model: ModelInfo) -> bool:
    return model.optimizer is not None and bool(model.optimizer.config.get("loss_scaling"))


def longest_skip(fit: Fit) -> tuple[int, int]:
    """(first step, steps) of the longest stretch with a finite loss and a gradient that is not."""
    losses = dict(fit.losses())
    best, first, length = (0, 0), 0, 0
    for step, norm in gradient_norms(fit):
        if math.isfinite(norm) or not math.isfinite(losses.get(step, math.nan)):
            length = 0
            continue
        first = step if length == 0 else first
        length += 1
        best = max(best, (length, -first))
    return -best[1], best[0]


def weights_without_gradient(fit: Fit) -> list[str]:
    """The weights whose gradient was exactly 0 in every one of the last steps."""
    found = []
    for path in fit.steps.paths("gradient", "l2_norm"):
        norms = fit.steps.recent_values("gradient", path, "l2_norm", last=PATIENCE_STEPS)
        if len(norms) == PATIENCE_STEPS and not any(norms):
            found.append(path)
    return found


def scale_words(seen: list[float], skipped: int) -> str:
    if seen:
        return number(seen[0])
    return f"{BEGINS / 2.0 ** min(skipped, 60):.2g} or less"


def half_precision_run(
    norms: list[float], loss: float = 0.7, scaling: bool = True, scale: float | None = None
) -> Run:
    """A training with these gradient norms under mixed_float16."""
    optimizer = OptimizerInfo("Adam", 1e-3, config={"loss_scaling": True} if scaling else {})
    of = made_up.model(dtype_policy="mixed_float16")
    chosen = ModelInfo(**{**vars(of), "optimizer": optimizer})
    steps = {("gradient", "dense/kernel", "l2_norm"): norms}
    if scale is not None:
        steps["loss_scale", "", "value"] = [scale] * len(norms)
    return made_up.run(chosen, loss=[loss] * len(norms), steps=steps)
