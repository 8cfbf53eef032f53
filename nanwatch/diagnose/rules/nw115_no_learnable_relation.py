"""NW115: nothing shows that x tells y."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.guessing import guessing
from nanwatch.diagnose.loss_course import sole_output
from nanwatch.diagnose.outcome import accuracy_is_a_share, has_improved
from nanwatch.diagnose.readings import (
    are_weights_still,
    class_shares,
    epoch_losses,
    finite_losses,
    guess_loss,
    incident_of,
    is_classification,
    label_of,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import RIGHT_BY_CHANCE, accuracy_skill
from nanwatch.record.facts import DataInfo, TensorSummary
from nanwatch.record.run import Fit, Run

# The best of many epochs is better than guessing by chance as well: over 100 rows, by 1 to 2 %.
NO_BETTER = 0.98
LEAST_EPOCHS = 5
FITTED = 0.9  # of the loss of guessing: the training rows were learned, by heart
LEAST_ROWS = 50  # of validation; of fewer rows the loss is chance


class NoLearnableRelation(Rule):
    """Nothing shows that the labels depend on the inputs.

    ## What it does
    Looks for a training that memorises its own rows while the validation loss is never better than
    guessing, or for one that stays at guessing although its weights move. It is only a note: the arrays
    cannot tell whether rows and labels are misaligned, whether there is nothing to learn, or whether
    learning needs more time. A training on shuffled labels cannot tell either: with a learning rate
    that is too low, or a net that passes no gradient, it looks the same.

    ## Why is this bad
    If there is nothing to learn, no change of the model, the loss or the learning rate can help. Often
    x was shuffled or filtered and y was not, so row 7 of x no longer belongs to row 7 of y.

    ## Example
    ```python
    x = x[np.random.permutation(len(x))]  # and y stays as it was
    ```

    ## Use instead
    ```python
    order = np.random.permutation(len(x))
    x, y = x[order], y[order]
    ```
    """

    code, name, level = "NW115", "no-learnable-relation", "note"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if validation_counts(fit) or incident_of(fit, run) is not None or plateau_words(fit):
            return None
        stuck = accuracy_is_a_share(fit) and not has_improved(fit)
        return f"fewer than {LEAST_EPOCHS} epochs, or no validation rows to compare with" if stuck else None

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if incident_of(fit, run) is not None:
            return
        seen = validation_words(fit) or plateau_words(fit)
        if seen is None:
            return
        yield self.finding(
            fit,
            f"{seen}. It may be that rows and labels do not belong together, that x does not tell y, that "
            "the rows are too few, or that it takes longer than this: the numbers cannot tell which.",
            "Print a few rows beside their labels, as they enter fit, and check them by eye.",
            location=fit.info.location,
            strength=0.0,
            explains={"at-chance", "not-learning", "poor-validation"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            validated_run([0.5, 0.4, 0.3, 0.2, 0.1], [0.70, 0.68, 0.7, 0.8, 0.9]),
            plateau_run([0.49, 0.52, 0.5, 0.51, 0.5]),
        ]

    @staticmethod
    def silent() -> list[Run]:
        falling = [0.5, 0.4, 0.3, 0.2, 0.1]
        return [
            validated_run(falling, [0.70, 0.67, 0.7, 0.8, 0.9]),
            validated_run(falling[:4], [0.70, 0.70, 0.7, 0.8]),
            validated_run([0.69, 0.69, 0.69, 0.68, 0.68], [0.7] * 5),
            validated_run(falling, [0.7] * 5, rows=49),
            validated_run(falling, [0.7] * 5, {"0": 1, "1": 99}),
            validated_run([*falling[:4], math.nan], [0.7] * 5),
            plateau_run([0.49, 0.52, 0.5, 0.51]),
            plateau_run([0.5, 0.5, 0.5, 0.5, 0.62]),
            plateau_run([0.49, 0.52, 0.5, 0.51, 0.5], loss=0.6),
            plateau_run([0.49, 0.52, 0.5, 0.51, 0.5], update=0.0),
        ]


def validation_words(fit: Fit) -> str | None:
    """The training rows were learned, and not one epoch answers the others better than a guess."""
    output = sole_output(fit)
    guess = guess_loss(fit, output)
    losses, validated = epoch_losses(fit), epoch_losses(fit, validation=True)
    if guess is None or not validation_counts(fit) or not all(map(math.isfinite, losses + validated)):
        return None
    if losses[-1] > FITTED * guess or min(validated) < NO_BETTER * guess:
        return None
    tried = fit.info.inference
    if tried is not None and tried.loss_inference >= NO_BETTER * guess:
        return None  # so are the very rows that it has learned, outside the training
    if (accuracy_skill(fit, validation=True) or 0.0) > RIGHT_BY_CHANCE:
        return None  # the loss is that of a net too sure of itself; its answers are right
    return (
        f"No epoch of {len(validated)} was better than guessing in validation: the training loss falls to "
        f"{number(losses[-1])}, the validation loss is never below {number(min(validated))}, and guessing "
        f"costs {number(guess)}"
    )


def plateau_words(fit: Fit) -> str | None:
    """Epoch after epoch the answers are worth a guess, while the weights move and gradients are there."""
    stuck = guessing(fit)
    if stuck is None or len(epoch_losses(fit)) < LEAST_EPOCHS or are_weights_still(fit):
        return None
    if not accuracy_is_a_share(fit, LEAST_EPOCHS):
        return None
    steps = f"after {fit.info.steps} steps of weights that move"
    return f"So far the answers are no better than guessing: {stuck.words} {steps}"


def validation_counts(fit: Fit) -> bool:
    """There are enough validation rows, of the same classes, over enough epochs."""
    output = sole_output(fit)
    label = label_of(fit, output, validation=True)
    if output is None or label is None or label.rows < LEAST_ROWS or not is_classification(output):
        return False
    known, seen = class_shares(label_of(fit, output)), class_shares(label)
    alike = bool(known) and all(abs(known.get(name, 0.0) - share) < 0.1 for name, share in seen.items())
    return alike and len(epoch_losses(fit, validation=True)) >= LEAST_EPOCHS and bool(finite_losses(fit))


def classifier_run(**facts: Any) -> Run:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    return made_up.run(of, targets=[made_up.labels(0, 1)], **facts)


def plateau_run(accuracies: list[float], loss: float = 0.693, update: float = 0.01) -> Run:
    """1000 balanced rows whose loss stays where it is while the weights move by this share of their norm."""
    health = {
        ("update", "dense/kernel", "l2_norm"): [update] * 30,
        ("weight", "dense/kernel", "l2_norm"): [1.0] * 30,
    }
    label = made_up.labels(0, 1, rows=1000, size=1000, classes={"0": 500, "1": 500})
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    epochs = [{"loss": loss, "accuracy": accuracy} for accuracy in accuracies]
    return made_up.run(of, loss=[loss] * 120, health=health, targets=[label], epochs=epochs)


def validated_run(
    losses: list[float], validation: list[float], classes: dict[str, int] | None = None, rows: int = 100
) -> Run:
    label: TensorSummary = made_up.labels(0, 1, rows=rows, classes=classes or {"0": 50, "1": 50})
    epochs = [{"loss": a, "val_loss": b} for a, b in zip(losses, validation, strict=True)]
    return classifier_run(
        epochs=epochs, fit={"validation": True, "validation_data": DataInfo(labels=(label,))}
    )
