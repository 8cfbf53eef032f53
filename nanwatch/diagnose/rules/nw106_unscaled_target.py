"""NW106: a regression target far from scale 1, and harm done by it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import went_nonfinite
from nanwatch.diagnose.data_words import capitalise_first, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_course import (
    NO_BETTER_THAN_GUESSING,
    closing_loss,
    constant_guess_loss,
    loss_name,
    opening_loss,
    sole_labels,
    sole_output,
)
from nanwatch.diagnose.readings import REGRESSIONS, are_weights_still, label_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD, STUCK
from nanwatch.record.facts import LayerInfo, ModelInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Root mean square of y. Below it a net of ordinary weights reaches the target in ordinary steps.
UNSCALED = 100.0
# Outside of these a trial may show that the scale is the fault: ordinary targets lie within.
SMALLEST, LARGEST = 0.01, 10.0
# Seen with house prices under SGD: the loss is infinite at step 3. A rate that is too high for the
# inputs takes longer (seen: 74 steps), since the loss then grows by a constant factor a step.
SUDDEN = 8  # steps
# A single step that multiplies the loss by this: 8 of them span float32. A rate that is too high
# for the inputs multiplies by less (seen: 85 a step), and by about the same factor each time.
LEAP = 1e4
PATIENCE = 50  # steps under Adam before "it does not move" means anything
# Under Adam the loss falls by less than this share, while the predictions stay below a tenth of y.
BARELY_FELL = 0.1
OUT_OF_REACH = 0.1
LARGEST_SQUARE_ROOT = 1.8e19  # its square is the largest float32
UNBOUNDED = ("linear", "relu", "softplus", "leaky_relu", "elu", "exponential", "unknown")
PLAIN_GRADIENT = ("SGD",)  # steps in proportion to the gradient; the others divide by its size


class UnscaledTarget(Rule):
    """The regression target is far from scale 1, and this harms the training.

    ## What it does
    Looks for a target with a root mean square above 100 under a regression loss, and for harm. Under
    SGD: a loss that explodes in the first few steps of a net with hidden layers. Under Adam: a loss
    that hardly falls, while the weights move and the predictions stay far below the target.

    ## Why is this bad
    The gradient grows with the error. SGD takes a first step in proportion to it, and arrives at a
    point where the next step is even larger. Adam moves each weight by about the learning rate in each
    step, whatever the error is, so it needs as many steps as the target is large.

    ## Example
    ```python
    model.fit(x, prices)  # 180000 +- 80000
    ```

    ## Use instead
    ```python
    mean, std = prices.mean(), prices.std()
    model.fit(x, (prices - mean) / std)  # prices again: model.predict(x) * std + mean
    ```
    """

    code, name = "NW106", "unscaled-target"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.info.data.labels else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        output, labels = sole_output(fit), sole_labels(fit)
        if output is None or labels is None or loss_name(fit) not in REGRESSIONS:
            return
        if label_size(labels) < UNSCALED or output.activation not in UNBOUNDED:
            return
        harm = (
            square_overflow_words(fit, run, labels) or explosion_words(fit) or out_of_reach_words(fit, labels)
        )
        if harm is None:
            return
        message = (
            f"The target has mean {number(labels.mean)} and standard deviation {number(labels.std)} "
            f"(from {number(labels.min)} to {number(labels.max)}), where a net begins near 1: "
            f"{harm}."
        )
        yield self.finding(
            fit,
            message,
            capitalise_first(harm),
            location=fit.info.location,
            remedies=(standardise(labels),),
            strength=0.9,
            explains={"growth", "large-loss", "dead-activation"} | STUCK | NONFINITE_FORWARD,
        )

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for output in fit.model.outputs:
            labels = label_of(fit, output)
            known = output.loss is not None and output.loss.name in REGRESSIONS
            if labels is not None and known and is_odd(labels):
                yield self.suspect_target(fit, labels, None if sole_output(fit) else output.path)

    def suspect_target(self, fit: Fit, labels: TensorSummary, name: str | None) -> Finding:
        """``name``: of the output, where there are several."""
        called = f"The target {name}" if name else "The target"
        return self.finding(
            fit,
            f"{called} has mean {number(labels.mean)} and standard deviation {number(labels.std)}, "
            f"where a net begins near 1, and the training learns too little: {skill_words(fit)}.",
            location=fit.info.location,
            remedies=(standardise(labels, f"the target {name}" if name else "y"),),
            strength=0.5,
            explains=STUCK | {"large-loss", "dead-activation"},
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            prices(1.8e5, [3.9e10, 2.1e22, 8e36, math.inf]),
            prices(100.0, [1e4, 1e8, 1e9, 1e9]),
            prices(1.8e5, [3.9e10, 4.6e25, *[5.6e9] * 90]),
            prices(1e8, [1.000e16] * 60, "Adam", output_norm=4.0),
            prices(3e19, [math.inf], "Adam"),
        ]

    @staticmethod
    def silent() -> list[Run]:
        growing = [85.0**step for step in range(1, 13)]
        return [
            prices(100.0, [1e4, 9e7, 1e9, 1e9]),
            prices(99.0, [3.9e10, 2.1e22, 8e36, math.inf]),
            prices(1.8e5, [3.9e10, 2.1e10, *[9e9] * 60]),
            prices(1.8e5, [3.9e10, 4.6e25, *[4.9e9] * 90]),
            prices(230.0, [*growing, math.inf]),
            prices(230.0, [1e4, 1e7, 1e30, math.inf], hidden=False),
            prices(1e8, [1e16] * 49, "Adam", output_norm=4.0),
            prices(1e4, [1e8 * 0.98**step for step in range(60)], "Adam", output_norm=4e3),
            prices(1.0, [1.0] * 60, "Adam", output_norm=0.1),
        ]


def is_odd(labels: TensorSummary) -> bool:
    """Whether a trial may show that the scale is the fault."""
    return labels.std > 0 and not SMALLEST <= label_size(labels) <= LARGEST


def label_size(labels: TensorSummary) -> float:
    return math.hypot(labels.mean, labels.std)


def square_overflow_words(fit: Fit, run: Run, labels: TensorSummary) -> str | None:
    """Squared, the target does not fit in float32."""
    largest = max(abs(labels.min), abs(labels.max))
    if loss_name(fit) != "mean_squared_error" or largest < LARGEST_SQUARE_ROOT:
        return None
    return "its square is larger than the largest float32" if went_nonfinite(fit, run) else None


def explosion_words(fit: Fit) -> str | None:
    """SGD, hidden layers, and a loss that leapt away within the first steps.

    Without a hidden layer the growth depends on the inputs and the rate alone, not on the target.
    """
    optimizer = fit.model.optimizer
    if optimizer is None or optimizer.type not in PLAIN_GRADIENT or weighted_layers(fit) < 2:
        return None
    losses = fit.steps.first_values("loss")[: SUDDEN + 1]
    for step, (before, after) in enumerate(pairwise(losses), start=1):
        leapt = math.isfinite(before) and abs(after) >= LEAP * max(abs(before), 1.0)
        if leapt and never_came_back(fit):
            return f"the loss is {number(after)} at step {step}, from {number(losses[0])} at step 0"
    return None


def never_came_back(fit: Fit) -> bool:
    """The loss ended no lower than that of always answering the mean, or non-finite."""
    ended, guess = closing_loss(fit), constant_guess_loss(fit)
    return ended is None or guess is None or ended >= NO_BETTER_THAN_GUESSING * guess


def out_of_reach_words(fit: Fit, labels: TensorSummary) -> str | None:
    """The loss barely falls, the weights move, and the predictions stay far below the target."""
    began, ended = opening_loss(fit), closing_loss(fit)
    predicted = last_prediction(fit)
    if fit.info.steps < PATIENCE or began is None or ended is None or predicted is None:
        return None
    if are_weights_still(fit) or has_no_trainable_weight(fit):
        return None
    if ended < (1.0 - BARELY_FELL) * began or predicted > OUT_OF_REACH * label_size(labels):
        return None
    return (
        f"after {fit.info.steps} steps the loss is {number(ended)}, from {number(began)}, and "
        f"the predictions are of size {number(predicted)}"
    )


def has_no_trainable_weight(fit: Fit) -> bool:
    """Whether no weight can move: then the target is not to blame."""
    return bool(fit.model.weights) and not any(weight.trainable for weight in fit.model.weights)


def last_prediction(fit: Fit) -> float | None:
    """Root mean square of the predictions at the last look."""
    for path in fit.health.paths("output", "l2_norm"):
        norm = fit.health.recent_values("output", path, "l2_norm", last=1)
        size = fit.health.recent_values("output", path, "size", last=1)
        if norm and size and size[0]:
            return norm[0] / math.sqrt(size[0])
    return None


def weighted_layers(fit: Fit) -> int:
    return sum(bool(layer.weights) for layer in fit.model.layers)


def standardise(labels: TensorSummary, name: str = "y") -> Remedy:
    text = (
        f"Standardise {name} before the fit: y = (y - {number(labels.mean)}) / {number(labels.std)}, and "
        "undo it on the predictions. For prices and counts over several orders, np.log1p(y) serves as well."
    )
    return Remedy(
        Intervention(InterventionKind.STANDARDISE_TARGET, labels.path, (labels.mean, labels.std)), text
    )


def prices(
    mean: float,
    losses: list[float],
    optimizer: str = "SGD",
    hidden: bool = True,
    output_norm: float | None = None,
) -> Run:
    """Targets of this mean under mse."""
    layers = (
        [LayerInfo("hidden", "hidden", "Dense", "relu", 16, weights=("hidden/kernel",))] if hidden else []
    )
    of: ModelInfo = made_up.model(*layers, made_up.dense(), optimizer=optimizer, learning_rate=0.1)
    target = made_up.tensor("label", min=mean / 9, max=3 * mean, mean=0.92 * mean, std=0.41 * mean)
    health = {}
    if output_norm is not None:
        health = {
            ("output", "output", "l2_norm"): [output_norm] * len(losses),
            ("output", "output", "size"): [32.0] * len(losses),
        }
    incident = {"role": "loss", "value": "inf"} if not math.isfinite(losses[-1]) else None
    return made_up.run(of, loss=losses, targets=[target], incident=incident, health=health)
