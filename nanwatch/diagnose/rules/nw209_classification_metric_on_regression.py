"""NW209: an accuracy of a regression."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, heads
from nanwatch.diagnose.readings import REGRESSIONS, accuracies
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# An accuracy counts exact hits. Of real numbers there are next to none; a tenth and more come
# about where the target has few values, and then it may be meant.
FEW_HITS = 0.1


class ClassificationMetricOnRegression(Rule):
    """The metric of a regression is accuracy.

    ## What it does
    Looks for an accuracy near 0 in a training with a regression loss and real-number targets. It is a
    note: the training itself is as good as its loss says.

    ## Why is this bad
    Accuracy counts predictions that are exactly equal to the target. A real number is never hit
    exactly, so the accuracy stays at 0 while the loss falls. This looks like a model that does not
    learn.

    ## Example
    ```python
    model.compile(loss="mse", metrics=["accuracy"])
    ```

    ## Use instead
    ```python
    model.compile(loss="mse", metrics=["mae"])
    ```
    """

    code, name, level = "NW209", "classification-metric-on-regression", "note"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        reached = accuracies(fit)
        if not reached or max(reached) > FEW_HITS:
            return
        for head in heads(fit):
            if head.loss in REGRESSIONS and has_real_labels(head):
                losses = [float(logs["loss"]) for logs in fit.epoch_logs() if "loss" in logs]
                yield self.finding(
                    fit,
                    f"The accuracy ({number(reached[-1])}) says nothing about a regression under "
                    f"{head.loss}: it counts exact hits. Read the loss, or the mean absolute error.",
                    *([f"The loss goes from {number(losses[0])} to {number(losses[-1])}."] if losses else []),
                    location=fit.model.compile_location,
                    remedies=(
                        Remedy(
                            Intervention(InterventionKind.SET_METRICS, "compile", ("mae",)),
                            'Compile with metrics=["mae"].',
                        ),
                    ),
                    strength=0.9,
                    explains={"poor-accuracy"},
                )
                return

    @staticmethod
    def fires() -> list[Run]:
        return [accuracy_run([0.0, 0.0]), accuracy_run([0.05, 0.1])]

    @staticmethod
    def silent() -> list[Run]:
        sigmoid = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
        return [
            accuracy_run([0.05, 0.11]),
            made_up.run(epochs=[{"loss": 3.9, "accuracy": 0.0}], targets=[made_up.labels(0, 1, 2)]),
            made_up.run(epochs=[{"loss": 3.9, "mae": 0.0}], targets=[real_labels()]),
            made_up.run(sigmoid, epochs=[{"loss": 0.7, "accuracy": 0.0}], targets=[made_up.labels(0, 1)]),
        ]


def has_real_labels(head: Head) -> bool:
    return head.label is not None and not head.label.integral


def accuracy_run(reached: list[float]) -> Run:
    epochs = [{"loss": 3.9 / (number + 1), "accuracy": value} for number, value in enumerate(reached)]
    return made_up.run(epochs=epochs, targets=[real_labels()])


def real_labels() -> TensorSummary:
    return made_up.tensor("label", "output", min=-3.0, max=3.0, mean=0.0, std=1.0)
