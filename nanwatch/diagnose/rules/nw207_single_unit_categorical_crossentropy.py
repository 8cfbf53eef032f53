"""NW207: categorical cross-entropy over one unit, which is always 0."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, activation_remedy, heads
from nanwatch.diagnose.loss_line import loss_remedy
from nanwatch.diagnose.readings import BINARY, CATEGORICAL, finite_losses
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.run import Fit, Run

# Keras cuts the one probability off at 1 - 1e-7: the loss is 0, or the 1.2e-7 of that.
ZERO = 1e-6


class SingleUnitCategoricalCrossentropy(Rule):
    """Categorical cross-entropy is used with an output of one unit.

    ## What it does
    Looks for `categorical_crossentropy` on an output whose last axis has size 1.

    ## Why is this bad
    The loss divides each row by its sum. For one unit that gives 1, and log(1) is 0. So the loss is 0
    from the first step on, there is nothing to learn from, and the predictions drift.

    ## Example
    ```python
    Dense(1, activation="sigmoid")  # loss="categorical_crossentropy"
    ```

    ## Use instead
    ```python
    Dense(1, activation="sigmoid")  # loss="binary_crossentropy"
    ```
    """

    code, name = "NW207", "single-unit-categorical-crossentropy"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for head in heads(fit):
            if head.loss != CATEGORICAL or head.units != 1:
                continue
            losses = finite_losses(fit) if head.alone else []
            zero = bool(losses) and max(map(abs, losses)) <= ZERO
            yield self.finding(
                fit,
                f"{CATEGORICAL} over the single unit of {head.words} is 0 whatever it predicts: "
                "nothing can be learned from it.",
                *evidence(losses, zero),
                location=fit.model.compile_location,
                layer=head.path,
                remedies=remedies(fit, head),
                strength=1.0 if zero else 0.9,
                explains={"zero-loss", "poor-accuracy", "growth"} | STUCK,
            )

    @staticmethod
    def fires() -> list[Run]:
        sigmoid = made_up.dense(activation="sigmoid")
        return [
            made_up.run(made_up.model(sigmoid, loss=CATEGORICAL), loss=[0.0] * 40),
            made_up.run(made_up.model(sigmoid, loss=CATEGORICAL), loss=[0.01] * 40),
        ]

    @staticmethod
    def silent() -> list[Run]:
        sigmoid = made_up.dense(activation="sigmoid")
        two = made_up.dense(units=2, activation="softmax")
        return [
            made_up.run(made_up.model(two, loss=CATEGORICAL), loss=[0.0] * 40),
            made_up.run(made_up.model(sigmoid, loss=BINARY), loss=[0.0] * 40),
        ]


def evidence(losses: list[float], zero: bool) -> Iterator[str]:
    yield "The axis that the loss sums over has size 1."
    if zero:
        most = "exactly 0" if not any(losses) else f"at most {number(max(losses))}"
        yield f"The loss is {most} in each of {len(losses)} steps, from the first on."


def remedies(fit: Fit, head: Head) -> tuple[Remedy, ...]:
    change = loss_remedy(fit, head, BINARY)
    return (change,) if head.activation == "sigmoid" else (change, activation_remedy(head, "sigmoid"))
