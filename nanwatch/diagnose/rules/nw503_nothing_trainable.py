"""NW503: there is nothing that the training could change."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.readings import epoch_losses, update_ratios
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class NothingTrainable(Rule):
    """No weight of the model is trainable.

    ## What it does
    Looks for a training in which no variable is trainable, and none was seen to move.

    ## Why is this bad
    The optimizer has nothing to change. The loss stays the same in all digits, and the model answers as
    it was initialised, which is at random.

    ## Example
    ```python
    for layer in model.layers:
        layer.trainable = False
    ```

    ## Use instead
    ```python
    for layer in base_model.layers:  # and not the new head
        layer.trainable = False
    ```
    """

    code, name = "NW503", "nothing-trainable"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if fit.info.steps == 0 or not is_nothing_trainable(fit) or has_moved(fit):
            return
        frozen = [layer for layer in fit.model.layers if not layer.trainable and layer.weights]
        weights = count_words(len(fit.model.weights), "weight tensor")
        yield self.finding(
            fit,
            f"The model has {weights}, none of them trainable: the training cannot change anything."
            if fit.model.weights
            else "The model has no weights: the training cannot change anything.",
            *evidence(fit, len(frozen)),
            location=next((layer.frozen for layer in frozen if layer.frozen), fit.model.compile_location),
            remedies=(
                Remedy(
                    Intervention(InterventionKind.SET_TRAINABLE, "model", True),
                    "Leave trainable=True on the layers that should learn.",
                ),
            ),
            strength=1.0,
            explains={"weights-still"} | STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        frozen = made_up.model(
            made_up.dense("hidden", 16, "relu", trainable=False), made_up.dense(trainable=False)
        )
        return [
            made_up.run(frozen, epochs=[{"loss": 0.7214}] * 3),
            made_up.run(made_up.model(made_up.dense()), fit={"trainable": 0}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        half = made_up.model(made_up.dense("hidden", 16, "relu", trainable=False), made_up.dense())
        frozen = made_up.model(made_up.dense(trainable=False))
        moved = {
            ("update", "dense/kernel", "l2_norm"): [0.0, 0.01],
            ("weight", "dense/kernel", "l2_norm"): [1.0, 1.0],
        }
        return [
            made_up.run(half),
            made_up.run(half, fit={"trainable": 2}),
            made_up.run(frozen, health=moved),
            made_up.run(frozen, fit={"trainable": 1}),
        ]


def is_nothing_trainable(fit: Fit) -> bool:
    """As the step itself counted; by the model's description where it did not."""
    if fit.info.trainable is not None:
        return fit.info.trainable == 0
    return bool(fit.model.weights) and not any(weight.trainable for weight in fit.model.weights)


def has_moved(fit: Fit) -> bool:
    return any(ratio > 0 for _, ratio in update_ratios(fit))


def evidence(fit: Fit, frozen: int) -> Iterator[str]:
    if frozen:
        have = "has" if frozen == 1 else "have"
        yield f"{count_words(frozen, 'layer')} with weights {have} trainable=False."
    losses = epoch_losses(fit)
    if len(losses) > 1:
        yield f"The loss is {number(losses[0])} in the first epoch and {number(losses[-1])} in the last."
