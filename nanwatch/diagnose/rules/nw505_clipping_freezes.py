"""NW505: a gradient whose norm overflows, clipped to nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, list_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import PATIENCE_STEPS, gradient_norms, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.statistics import median
from nanwatch.diagnose.symptoms import STUCK, symptoms_from
from nanwatch.record.facts import IncidentInfo, Location, ModelInfo, OptimizerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

LARGEST_SQUARE = 1.8e19  # the root of float32's largest number: above it a square is infinite
# Rounding leaves a clipped norm within 1e-6; the steadiest ones that follow the data vary by a tenth.
SAME_NORM = 1.001
# Gradients of healthy nets have norms of 0.01 to 10: a limit below cuts all of them.
TIGHT = 0.01
CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


class ClippingFreezes(Rule):
    """The gradient is so large that its norm overflows, and clipping by norm makes it 0 or NaN.

    ## What it does
    Looks, under `clipnorm`, for gradients whose norm is infinite although their elements are not, and
    for weights that do not move from then on. Under `global_clipnorm` it looks for weights that became
    NaN in such a step.

    ## Why is this bad
    The norm is the root of a sum of squares, and squares above 3.4e38 are infinite in float32. Dividing
    by that norm gives 0: the step is made, the weight does not move, and the loss stays as it is.
    `global_clipnorm` gives NaN instead, in all weights at once.

    ## Example
    ```python
    x[np.isnan(x)] = 1e30  # a fill value
    keras.optimizers.Adam(clipnorm=1.0)
    ```

    ## Use instead
    ```python
    x[np.isnan(x)] = 0.0
    keras.optimizers.Adam(clipnorm=1.0)  # clipvalue uses no norm, but does not repair the data either
    ```
    """

    code, name = "NW505", "clipping-freezes"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        optimizer = fit.model.optimizer
        config = optimizer.config if optimizer else {}
        if config.get("clipnorm"):
            yield from self.find_frozen_weights(fit, run)
        elif config.get("global_clipnorm"):
            yield from self.find_spoilt_weights(fit, run)

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        optimizer = fit.model.optimizer
        for name in CLIPS if optimizer is not None else ():
            limit = optimizer.config.get(name) if optimizer is not None else None
            if not isinstance(limit, float | int) or not 0 < limit < TIGHT:
                continue
            change = Intervention(InterventionKind.SET_CLIPNORM, "optimizer", 1.0)
            yield self.finding(
                fit,
                f"{name}={number(limit)} cuts every gradient down so far that no step leads anywhere: "
                f"{skill_words(fit)}.",
                location=optimizer_location(fit),
                remedies=(Remedy(change, "Clip at clipnorm=1.0.", location=optimizer_location(fit)),),
                strength=0.55,
                explains={"weights-still"} | STUCK,
                suspected=True,
            )
        if optimizer is not None and not any(optimizer.config.get(name) for name in CLIPS):
            yield from self.suspect_own_clip(fit, optimizer)

    def suspect_own_clip(self, fit: Fit, optimizer: OptimizerInfo) -> Iterator[Finding]:
        """A gradient that the step itself has clipped; under SGD a larger rate stands in for a wider clip."""
        norm = clipped_norm(fit)
        if norm is None or norm >= TIGHT or optimizer.type != "SGD" or not optimizer.learning_rate:
            return
        rate = float(f"{optimizer.learning_rate / norm:.3g}")
        change = Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", rate)
        at = optimizer_location(fit)
        text = f"Clip at a norm near 1, or not at all. A rate of {rate:g} was tried: its steps are as large."
        yield self.finding(
            fit,
            f"The gradient that is applied has a norm of {number(norm)} in every step: it is clipped at "
            f"that, and no step leads anywhere: {skill_words(fit)}.",
            location=at,
            remedies=(Remedy(change, text, location=at),),
            strength=0.55,
            explains={"weights-still"} | STUCK,
            suspected=True,
        )

    def find_frozen_weights(self, fit: Fit, run: Run) -> Iterator[Finding]:
        weights = [path for path in fit.steps.paths("gradient", "l2_norm") if stands_still(fit, path)]
        if not weights or incident_of(fit, run) is not None:
            return
        yield self.finding(
            fit,
            f"The gradient of {count_words(len(weights), 'weight')} is so large (above {LARGEST_SQUARE:g} an "
            f"element) that its norm is infinite, and clipnorm divides by it: the update is 0, and "
            f"{list_words(weights)} did not move in the last {PATIENCE_STEPS} steps.",
            location=optimizer_location(fit),
            remedies=(remedy(fit),),
            strength=0.95,
            explains={"weights-still", "growth", "large-loss"} | STUCK,
        )

    def find_spoilt_weights(self, fit: Fit, run: Run) -> Iterator[Finding]:
        incident = incident_of(fit, run)
        if incident is None or incident.action == "continue" or not was_clipped_to_nan(fit, incident):
            return
        yield self.finding(
            fit,
            f"In step {incident.step} the gradient is finite, but so large (above {LARGEST_SQUARE:g} an "
            "element) that its norm is infinite, and global_clipnorm divides by it: all weights became NaN.",
            location=optimizer_location(fit),
            remedies=(remedy(fit),),
            strength=0.95,
            explains=symptoms_from("nonfinite-update") | {"nonfinite-weight"},
            since=incident.step,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [clipped_run([math.inf] * 20), clipped_run([1.0] * 5 + [math.inf] * 20), nan_weights_run()]

    @staticmethod
    def silent() -> list[Run]:
        return [
            clipped_run([1.0] + [math.inf] * 19),
            clipped_run([1e19] * 20),
            clipped_run([math.nan] * 20),
            clipped_run([math.inf] * 20, clip="clipvalue"),
            clipped_run([math.inf] * 20, moves=True),
            nan_weights_run(loss=math.nan),
            nan_weights_run(clip="clipnorm"),
            nan_weights_run(norm=1.0),
        ]


def clipped_norm(fit: Fit) -> float | None:
    """The norm over all variables where it is the same in every step; None where it follows the data."""
    norms = [norm for _, norm in gradient_norms(fit)]
    if len(norms) < PATIENCE_STEPS or not min(norms) > 0 or max(norms) > SAME_NORM * min(norms):
        return None
    return median(norms)


def stands_still(fit: Fit, path: str) -> bool:
    """The norm of the gradient was infinite in the last steps, and the weight's own did not change."""
    gradient = fit.steps.recent_values("gradient", path, "l2_norm", last=PATIENCE_STEPS)
    weight = fit.steps.recent_values("weight", path, "l2_norm", last=PATIENCE_STEPS)
    if len(gradient) < PATIENCE_STEPS or not weight:
        return False
    return all(math.isinf(norm) for norm in gradient) and len(set(weight)) == 1


def was_clipped_to_nan(fit: Fit, incident: IncidentInfo) -> bool:
    """Loss finite, some norm infinite, the weights NaN after the step.

    A gradient with an infinite element is held back before it is applied, so the weights tell.
    """
    at = incident.step
    loss = dict(fit.losses()).get(at, math.nan)
    norms = [dict(values).get(at, 0.0) for values in norm_columns(fit, "gradient")]
    after = [dict(values).get(at, 0.0) for values in norm_columns(fit, "weight")]
    if not math.isfinite(loss) or any(math.isnan(norm) for norm in norms) or not after:
        return False
    return any(math.isinf(norm) for norm in norms) and all(math.isnan(norm) for norm in after)


def norm_columns(fit: Fit, role: str) -> list[list[tuple[int, float]]]:
    return [fit.steps.values(role, path, "l2_norm") for path in fit.steps.paths(role, "l2_norm")]


def optimizer_location(fit: Fit) -> Location | None:
    optimizer = fit.model.optimizer
    return (optimizer.location if optimizer else None) or fit.model.compile_location


def remedy(fit: Fit) -> Remedy:
    text = (
        "Fix what makes the gradient so large: fill values or raw magnitudes in x or y. Until then, "
        "clipvalue=1.0 clips element by element and has no norm to overflow."
    )
    return Remedy(
        Intervention(InterventionKind.SET_CLIPVALUE, "optimizer", 1.0),
        text,
        location=optimizer_location(fit),
        general_damper=True,
    )


def clipping_model(clip: str) -> ModelInfo:
    optimizer = OptimizerInfo("Adam", 1e-3, config={clip: 1.0}, location=made_up.line(9, f"Adam({clip}=1.0)"))
    return ModelInfo(**{**vars(made_up.model()), "optimizer": optimizer})


def clipped_run(norms: list[float], clip: str = "clipnorm", moves: bool = False) -> Run:
    """A kernel whose gradient has these norms, and which stands still or moves."""
    kept = [2.0 + 0.01 * step * moves for step in range(len(norms))]
    steps = {("gradient", "dense/kernel", "l2_norm"): norms, ("weight", "dense/kernel", "l2_norm"): kept}
    return made_up.run(clipping_model(clip), loss=[7e29] * len(norms), steps=steps)


def nan_weights_run(loss: float = 7e29, clip: str = "global_clipnorm", norm: float = math.inf) -> Run:
    """One step after which every weight is NaN."""
    steps = {
        ("gradient", "dense/kernel", "l2_norm"): [norm],
        ("weight", "dense/kernel", "l2_norm"): [math.nan],
    }
    return made_up.run(
        clipping_model(clip),
        loss=[loss],
        steps=steps,
        incident={"role": "gradient", "value": "inf", "loss": loss},
    )
