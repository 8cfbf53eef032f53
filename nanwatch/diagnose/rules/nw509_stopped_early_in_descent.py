"""NW509: a training that ends while its loss still falls as it did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.readings import epoch_losses, is_loss_untracked
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import accuracy_skill, skill_of
from nanwatch.record.run import Fit, Run

LAST = 5  # epochs in which it falls by much the same share
LEAST_SHARE = 0.03  # of the loss, an epoch
# Of their mean: a descent that levels off falls by less than half of it in its last epoch.
EVEN = 0.5
SOLVED = 0.9  # of the skill that there is: what is left tells nothing
ALL_BUT_RIGHT = 0.95  # of the way from the largest share to all rows right: surer is all that it gets
AHEAD = 10  # epochs that the pace is told for


class StoppedEarlyInDescent(Rule):
    """The training ends while the loss still falls by the same share in every epoch.

    ## What it does
    Compares the loss of the last five epochs, and the validation loss if there is one. If each is below
    the one before by about the same share, three per cent or more, it says where ten more epochs at
    this pace would end. It is only a note: nobody knows how long a descent goes on.

    ## Why is this bad
    The model has learned only a part of what it could learn. A training has reached its end when the
    loss no longer falls, not after a number of epochs that was chosen at the start.

    ## Example
    ```python
    model.fit(x, y, epochs=6)
    ```

    ## Use instead
    ```python
    stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    model.fit(x, y, epochs=200, validation_split=0.2, callbacks=[stop])
    ```
    """

    code, name, level = "NW509", "stopped-early-in-descent", "note"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if fit.info.status != "finished" or fit.info.cut_short or is_loss_untracked(fit):
            return
        if fit.info.epochs_asked is not None and fit.info.epochs < fit.info.epochs_asked:
            return  # somebody, or a callback, has ended it on purpose
        losses, validation = epoch_losses(fit), epoch_losses(fit, validation=True)
        share = steady_share(losses)
        if share is None or (validation and steady_share(validation) is None):
            return
        skill, right = skill_of(fit), accuracy_skill(fit)
        if (skill is not None and skill.ended >= SOLVED) or (right is not None and right >= ALL_BUT_RIGHT):
            return
        ahead = losses[-1] * (1.0 - share) ** AHEAD
        yield self.finding(
            fit,
            f"The loss still falls by {100.0 * share:.0f} % an epoch when the training ends, at "
            f"{number(losses[-1])}: at that pace {AHEAD} epochs more would bring it to {number(ahead)}.",
            f"the last {LAST} epochs: {', '.join(map(number, losses[-LAST:]))}",
            location=fit.info.location,
            strength=0.3,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            falling_run([0.95**epoch for epoch in range(8)]),
            falling_run([0.969**epoch for epoch in range(8)]),
            falling_run([2.0, 1.0, *(0.96**epoch for epoch in range(6))]),
            falling_run([0.95**epoch for epoch in range(8)], accuracy=0.97),
            falling_run([0.9**epoch for epoch in range(8)], validation=[0.92**epoch for epoch in range(8)]),
        ]

    @staticmethod
    def silent() -> list[Run]:
        falling = [0.95**epoch for epoch in range(8)]
        return [
            falling_run([0.971**epoch for epoch in range(8)]),
            falling_run([2.0, 1.0, 0.96, 0.92, 0.88, 0.85]),
            falling_run([1.0, 0.8, 0.7, 0.65, 0.63, 0.625]),
            falling_run(falling[:5]),
            falling_run(falling, validation=[0.6 + 0.01 * epoch for epoch in range(8)]),
            falling_run(falling, asked=20),
            falling_run(falling, accuracy=0.98),
            falling_run([-value for value in falling]),
            falling_run([0.6**epoch for epoch in range(8)]),
        ]


def steady_share(losses: Sequence[float]) -> float | None:
    """By which the last epochs' losses fell, each by much the same; None where they did not."""
    last = losses[-LAST - 1 :]
    if len(last) <= LAST or not all(math.isfinite(loss) and loss > 0 for loss in last):
        return None
    shares = [1.0 - after / before for before, after in pairwise(last)]
    mean = 1.0 - (last[-1] / last[0]) ** (1.0 / LAST)
    is_even = min(shares) >= EVEN * mean and shares[-1] >= LEAST_SHARE
    return mean if mean >= LEAST_SHARE and is_even else None


def falling_run(
    losses: list[float],
    validation: list[float] | None = None,
    asked: int | None = None,
    accuracy: float = 0.7,
) -> Run:
    """Epochs with these losses of a classifier, whose guess costs 0.69."""
    epochs = [{"loss": loss, "accuracy": accuracy} for loss in losses]
    for epoch, other in zip(epochs, validation or (), strict=False):
        epoch["val_loss"] = other
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    fit = {"epochs_asked": asked or len(losses)}
    steps = [losses[0]] * 20 + [losses[-1]] * 100
    return made_up.run(of, loss=steps, epochs=epochs, fit=fit, targets=[made_up.labels(0, 1)])
