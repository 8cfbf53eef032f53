"""NW214: a loss in per cent of targets that are 0, or a logarithm's of targets below 0."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, number
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.guessing import PATIENCE
from nanwatch.diagnose.heads import Head, heads
from nanwatch.diagnose.label_classes import form_of_classes
from nanwatch.diagnose.loss_course import NO_BETTER_THAN_GUESSING, closing_loss, constant_guess_loss
from nanwatch.diagnose.loss_line import loss_remedy
from nanwatch.diagnose.readings import first_loss
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import TensorSummary
from nanwatch.record.run import Fit, Run

PERCENTAGE, LOGARITHMIC = "mean_absolute_percentage_error", "mean_squared_logarithmic_error"
# To answer 0 costs 100 per cent whatever the targets are, so an untrained net on targets that are no zeros
# begins within some hundreds. A hundred times that is the doing of a divisor.
BEYOND = 1e4
# A target this small beside the mean is next to 0; prices over three orders are no fault by themselves.
NEXT_TO = 1e-3
# Below 0 by more than rounding, in standard deviations of the targets.
BELOW = 0.1


class PercentageLossAtZero(Rule):
    """The loss is a percentage of the target, and some targets are 0.

    ## What it does
    Looks for mean absolute percentage error on targets that are 0, on both sides of 0, or very close to
    it; and for mean squared logarithmic error on targets below 0. Labels of 0 and 1 are another fault.

    ## Why is this bad
    If the target is 0, Keras divides by 1e-7. Such a row costs a billion per cent, and it alone decides
    how the weights change: towards an answer of 0 for every row. The logarithmic error treats
    everything below 0 as 0, so rows below 0 say nothing, and predictions below 0 get no gradient.

    ## Example
    ```python
    model.compile(loss="mape")  # no sales on some days
    ```

    ## Use instead
    ```python
    model.compile(loss="mae")
    ```
    """

    code, name = "NW214", "percentage-loss-at-zero"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.info.data.labels else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if head.label is None or form_of_classes(head.label, head.units) is not None:
                continue
            if head.loss == PERCENTAGE:
                yield from self.find_percentage(fit, head, head.label)
            elif head.loss == LOGARITHMIC and head.label.min < -BELOW * head.label.std:
                yield self.build_logarithmic(fit, head, head.label)

    def find_percentage(self, fit: Fit, head: Head, labels: TensorSummary) -> Iterator[Finding]:
        harm = list(harm_of(fit)) if head.alone else []
        near = 0 < min(abs(labels.min), abs(labels.max)) < NEXT_TO * abs(labels.mean)
        if not (labels.num_zero or labels.min < 0.0 < labels.max or (near and harm)):
            return
        found = count_words(labels.num_zero, "target") + f" of {labels.size:,} "
        found += "is 0" if labels.num_zero == 1 else "are 0"
        reach = f"the targets run from {number(labels.min)} to {number(labels.max)}"
        yield self.finding(
            fit,
            f"{head.loss} divides by the target, but {found if labels.num_zero else reach}: such rows cost "
            "up to a billion per cent, and decide alone.",
            *harm,
            *([reach] if labels.num_zero else []),
            location=fit.model.compile_location,
            layer=head.path,
            remedies=(loss_remedy(fit, head, "mean_absolute_error"),),
            level="error" if harm else "warning",
            strength=0.95 if harm else 0.5,
            explains=STUCK | {"large-loss", "growth", "dead-activation"},
        )

    def build_logarithmic(self, fit: Fit, head: Head, labels: TensorSummary) -> Finding:
        bulk = labels.mean - labels.std <= 0.0
        return self.finding(
            fit,
            f"{head.loss} takes every target below 0 for 0, but the targets run from {number(labels.min)} to "
            f"{number(labels.max)}.",
            f"their mean is {number(labels.mean)}, with a standard deviation of {number(labels.std)}",
            location=fit.model.compile_location,
            layer=head.path,
            remedies=(loss_remedy(fit, head, "mean_squared_error"),),
            level="error" if bulk else "warning",
            strength=0.85 if bulk else 0.5,
            explains=STUCK | {"weights-still"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            target_run(PERCENTAGE, 3e7, num_zero=40, min=0.0, max=30.0, mean=9.0, std=5.0),
            target_run(PERCENTAGE, 89.1, num_zero=40, min=0.0, max=30.0, mean=9.0, std=5.0),
            target_run(PERCENTAGE, 40.0, num_zero=1, min=0.0, max=30.0, mean=9.0, std=5.0),
            target_run(PERCENTAGE, 98.0, mean=0.0),
            target_run(PERCENTAGE, 98.0, min=1e-3, max=30.0, mean=1.1, std=5.0),
            target_run(LOGARITHMIC, 0.3, mean=0.0),
            target_run(LOGARITHMIC, 0.3, min=-0.11, max=9.0, mean=4.0, std=1.0),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            target_run(PERCENTAGE, 98.0, min=1.0, max=30.0, mean=9.0, std=5.0),
            target_run(PERCENTAGE, 98.0, min=1e-3, max=30.0, mean=0.9, std=5.0),
            target_run(PERCENTAGE, 30.0, min=1e-3, max=30.0, mean=1.1, std=5.0),
            target_run(LOGARITHMIC, 0.3, num_zero=40, min=0.0, max=30.0, mean=9.0, std=5.0),
            target_run(LOGARITHMIC, 0.3, min=-0.09, max=9.0, mean=4.0, std=1.0),
            target_run("mean_absolute_error", 3.0, num_zero=40, min=0.0, max=30.0, mean=9.0, std=5.0),
            target_run(PERCENTAGE, 1e7, min=0.0, max=1.0, mean=0.5, integral=True, num_zero=320),
        ]


def harm_of(fit: Fit) -> Iterator[str]:
    began, ended, guess = first_loss(fit), closing_loss(fit), constant_guess_loss(fit)
    if began >= BEYOND:
        yield f"the loss is {number(began)} at first, where answering 0 to every row costs at most 100"
    if ended is None or guess is None or fit.info.steps < PATIENCE:
        return
    if ended >= NO_BETTER_THAN_GUESSING * guess:
        yield f"the loss ends at {number(ended)}, where answering 0 to every row costs {number(guess)}"


def target_run(loss: str, ended: float, **facts: float) -> Run:
    """Targets with these facts, and how the loss ends on them."""
    target = made_up.tensor("label", "output", **{"min": -3.0, "max": 3.0, "std": 1.0, **facts})
    return made_up.run(made_up.model(made_up.dense(), loss=loss), loss=[ended] * 150, targets=[target])
