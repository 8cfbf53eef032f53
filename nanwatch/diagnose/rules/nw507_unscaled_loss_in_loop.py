"""NW507: a scale is taken off gradients on which nobody has put it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.outcome import IMPROVED
from nanwatch.diagnose.readings import first_loss, last_loss, update_ratios
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import lacks_skill
from nanwatch.diagnose.statistics import finite_values
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import OptimizerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

SCALE = 2.0**15  # that `LossScaleOptimizer` begins with
# A training moves its weights by a tenth of their norm and more, fine-tuning by a hundredth (at 1e-5, in a
# hundred steps): 200 steps of SGD at a 32768th of 0.05 moved them by 2e-4.
MOVED = 1e-2
# Their steps are as large whatever the gradients' scale is, down to their epsilon.
SCALE_FREE = ("Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Lion", "Adafactor", "Lamb")


class UnscaledLossInLoop(Rule):
    """A `LossScaleOptimizer` divides the gradients by a scale, but the loss was never multiplied by it.

    ## What it does
    Looks, in your own loop or `train_step`, whether the optimizer that scales losses (under
    `mixed_float16`, `compile` wraps every optimizer in one) was used for it: whether `scale_loss` was
    called before the gradients were computed. It is a note if the training learns anyway.

    ## Why is this bad
    `apply` divides every gradient by the scale, which starts at 32768. SGD then makes steps that are
    32768 times too small, and nothing moves; Adam's gradients come close to its epsilon. And the
    purpose of the scale is lost: gradients that float16 rounds to 0 stay 0.

    ## Example
    ```python
    with tf.GradientTape() as tape:
        loss = loss_function(y, model(x, training=True))
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    ```

    ## Use instead
    ```python
    with tf.GradientTape() as tape:
        loss = optimizer.scale_loss(loss_function(y, model(x, training=True)))
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    ```
    """

    code, name, level = "NW507", "unscaled-loss-in-loop", "warning"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        optimizer = fit.model.optimizer
        if fit.info.loss_scaled is not False or optimizer is None:
            return
        scale = next(iter(fit.steps.recent_values("loss_scale", last=1)), SCALE)
        at = fit.info.loss_location or fit.model.compile_location or optimizer.location
        yield self.finding(
            fit,
            f"The optimizer divides every gradient by its loss scale, {number(scale)}, and the loss was not "
            f"multiplied by it: {harm_words(optimizer)}.",
            f"the loss goes from {number(first_loss(fit))} to {number(last_loss(fit))}",
            location=at,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.SCALE_LOSS, "loss"),
                    "Give the tape the scaled loss: loss = optimizer.scale_loss(loss), within the tape. The "
                    "optimizer takes the scale off again.",
                    location=at,
                ),
            ),
            level="error" if learns_nothing(fit) else None,
            strength=0.95,
            explains={"weights-still", "vanishing-gradient"} | STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [scaling_run(False), scaling_run(False, ended=0.69), scaling_run(False, optimizer="SGD")]

    @staticmethod
    def silent() -> list[Run]:
        return [scaling_run(True), scaling_run(None)]


def learns_nothing(fit: Fit) -> bool:
    still = moved(fit) < MOVED
    return still or lacks_skill(fit) or not last_loss(fit) < IMPROVED * first_loss(fit)


def moved(fit: Fit) -> float:
    """The way of the weights, of their norm, if each step went on straight; inf where nobody saw it."""
    ratios = finite_values([ratio for _, ratio in update_ratios(fit)])
    return sum(ratios) / len(ratios) * fit.info.steps if ratios else math.inf


def harm_words(optimizer: OptimizerInfo) -> str:
    if optimizer.type in SCALE_FREE:
        return f"{optimizer.type} sees gradients near its epsilon, and float16 rounds small ones to 0"
    return f"the steps of {optimizer.type} are too small by that factor"


def scaling_run(scaled: bool | None, ended: float = 0.2, optimizer: str = "Adam") -> Run:
    """A loop whose optimizer scales losses."""
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy", optimizer=optimizer)
    where = made_up.line(21, "loss = loss_function(y, model(x, training=True))")
    facts = {"kind": "tape", "loss_scaled": scaled, "loss_location": where}
    return made_up.run(of, loss=[0.7] * 20 + [ended] * 100, targets=[made_up.labels(0, 1)], fit=facts)
