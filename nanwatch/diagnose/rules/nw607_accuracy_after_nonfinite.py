"""NW607: the accuracy after a NaN, which says nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.readings import (
    accuracies,
    class_shares,
    epoch_losses,
    first_output,
    incident_of,
    is_classification,
    label_of,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.record.run import Fit, Run

# An accuracy is logged as a float32 mean of hits: a share of the same rows differs by rounding. The
# steps of an epoch may leave rows out, hence half a per cent.
SLACK = 5e-3


class AccuracyAfterNonfinite(Rule):
    """The accuracy does not move from a class's share since the loss became non-finite.

    ## What it does
    Compares the accuracy of the epochs that have a NaN loss with the share of class 0 in the labels.

    ## Why is this bad
    It is always a consequence. All comparisons with NaN are false, so the argmax of a row of NaN is its
    first entry, and a NaN is never above one half. The answer is class 0 for every row, and the
    accuracy is the share of that class (0.5 for two balanced classes). A plateau at 0.5 under a NaN
    loss says nothing about the labels, the model or the metric.

    ## Example
    ```python
    model.fit(x, y)  # loss: nan - accuracy: 0.5000 in every epoch
    ```

    ## Use instead
    ```python
    keras.callbacks.TerminateOnNaN()  # and fix what made the loss NaN
    ```
    """

    code, name, level = "NW607", "accuracy-after-nonfinite", "warning"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for validation in (False, True):
            stuck = stuck_epochs(fit, validation)
            if stuck:
                yield self.build_stuck_finding(fit, validation, *stuck)
                return
        share = share_of_class_0(fit, False)
        if share is not None and was_spared(fit, run):
            yield self.build_foretold_finding(fit, share)

    def build_foretold_finding(self, fit: Fit, share: float) -> Finding:
        return self.finding(
            fit,
            "Had the training gone on, every weight would be NaN and the accuracy would stand at "
            f"{share:.4f}, the share of class 0: the largest of a row of NaN is its first entry.",
            location=fit.info.location,
            part="consequence",
            level="note",
            strength=0.9,
            shows={"accuracy-after-nonfinite"},
        )

    def build_stuck_finding(
        self, fit: Fit, validation: bool, first: int, epochs: int, reached: float
    ) -> Finding:
        share = share_of_class_0(fit, validation)
        name = "validation accuracy" if validation else "accuracy"
        exact = share is not None and abs(share - reached) <= SLACK
        return self.finding(
            fit,
            f"The {name} of {reached:.4f} since epoch {first + 1} is not a real accuracy: "
            "the loss is non-finite, and NaN predictions count as class 0.",
            *([f"The share of class 0 in the labels is {share:.4f}."] if exact else []),
            f"It holds for {epochs} epoch{'' if epochs == 1 else 's'}.",
            location=fit.info.location,
            part="consequence",
            strength=0.9,
            shows={"accuracy-after-nonfinite"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            stuck_run([0.7662, 0.9459, 0.5], [1.515, 0.2535, math.nan]),
            stuck_run([0.9, 0.504], [0.2, math.nan]),
            stuck_run([0.0, 0.0], [math.nan, math.nan], targets=False),
            stuck_run([0.7662, 0.9459], [1.515, 0.2535], incident={"role": "loss", "frozen": True}),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            stuck_run([0.5, 0.5, 0.5], [0.69, 0.69, 0.69]),
            stuck_run([0.9, 0.506], [0.2, math.nan]),
            stuck_run([0.7662, 0.9459], [1.515, math.nan]),
            stuck_run([0.4, 0.4], [math.nan, math.nan], targets=False),
            stuck_run([0.7662, 0.9459], [1.515, 0.2535], incident={"role": "loss", "frozen": False}),
            stuck_run([0.7, 0.9], [1.5, 0.2], targets=False, incident={"role": "loss", "frozen": True}),
        ]


def stuck_epochs(fit: Fit, validation: bool) -> tuple[int, int, float] | None:
    """(first epoch, number of epochs, accuracy) of the plateau under a non-finite loss, at the end.

    The epoch in which the loss broke mixes good steps with bad ones, and shows in its training
    accuracy; only what stands where NaN puts it counts.
    """
    reached, losses = accuracies(fit, validation), epoch_losses(fit)
    if not reached or len(losses) != len(reached) or not 0 <= reached[-1] <= 1:
        return None
    if not any(abs(place - reached[-1]) <= SLACK for place in nan_accuracies(fit, validation)):
        return None
    epochs = 0
    for value, loss in zip(reversed(reached), reversed(losses), strict=True):
        if math.isfinite(loss) or abs(value - reached[-1]) > SLACK:
            break
        epochs += 1
    return (len(reached) - epochs, epochs, reached[-1]) if epochs else None


def nan_accuracies(fit: Fit, validation: bool) -> tuple[float, ...]:
    """Where NaN predictions can put the accuracy: the share of class 0, or the common 0 and 0.5."""
    share = share_of_class_0(fit, validation)
    return (share,) if share is not None else (0.0, 0.5)


def share_of_class_0(fit: Fit, validation: bool) -> float | None:
    shares = class_shares(label_of(fit, first_output(fit), validation))
    return shares.get("0", 0.0) if shares else None


def was_spared(fit: Fit, run: Run) -> bool:
    """The training was halted before the bad update, and its accuracy is one of classes."""
    incident = incident_of(fit, run)
    if incident is None or not incident.frozen or incident.role not in ("loss", "gradient", "activation"):
        return False
    return is_classification(first_output(fit)) and bool(fit.model.metrics or accuracies(fit, False))


def stuck_run(
    reached: list[float], losses: list[float], targets: bool = True, incident: dict[str, Any] | None = None
) -> Run:
    epochs = [{"loss": loss, "accuracy": value} for loss, value in zip(losses, reached, strict=True)]
    labels = [made_up.labels(0, 1)] if targets else []
    sigmoid = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    return made_up.run(sigmoid, epochs=epochs, targets=labels, incident=incident)
