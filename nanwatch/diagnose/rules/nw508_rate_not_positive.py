"""NW508: a learning rate that is negative, or 0."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Level
from nanwatch.diagnose.growth import growth_of_loss
from nanwatch.diagnose.optimizer_line import rate_remedy, rates_of
from nanwatch.diagnose.outcome import NONNEGATIVE
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_FORWARD, STUCK
from nanwatch.record.facts import Location, OptimizerInfo
from nanwatch.record.run import Fit, Run

# A schedule that ends at 0 ends within the rounding of its first rate; one that goes on below does not.
ROUNDING = 1e-6
# Keras's own rates. One without its sign is taken where it is within this factor of them.
USUAL = {"SGD": 1e-2}
DEFAULT = 1e-3
IN_USE = 10.0


class RateNotPositive(Rule):
    """The learning rate is negative, so each step goes up the slope, or it is 0, so nothing moves.

    ## What it does
    Looks at the rate with which the optimizer was created, and at the rate of every step. A rate that
    is always 0 is reported, and so is one that is negative, even if only from some step on. It is a
    note in two cases: if the rate of 0 follows an earlier training of the same model, which is a way to
    measure moving statistics again; and if your own loss grows under a negative rate, which may be
    intended.

    ## Why is this bad
    An update subtracts rate times gradient. With the wrong sign each step makes the loss larger, and
    with 0 the model stays as it was initialised. Keras accepts both without a warning. Schedules that
    subtract (`0.1 - 0.01 * epoch`) become negative when they run longer than planned.

    ## Example
    ```python
    keras.optimizers.Adam(-1e-3)
    ```

    ## Use instead
    ```python
    keras.optimizers.Adam(1e-3)
    ```
    """

    code, name = "NW508", "rate-not-positive"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if fit.model.optimizer is None or rates_of(fit) else "the learning rate was not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        optimizer = fit.model.optimizer
        if optimizer is None:
            return
        rates = rates_of(fit)
        since = first_negative(fit)
        if since is not None:
            yield self.build_negative_finding(fit, run, optimizer, since)
        elif not any(rates) and not optimizer.learning_rate:
            yield self.build_zero_finding(fit, run, optimizer)

    def build_negative_finding(self, fit: Fit, run: Run, optimizer: OptimizerInfo, since: int) -> Finding:
        lowest = min(rates_of(fit))
        begins = "is" if since == 0 else f"falls below 0 at step {since}, to"
        return self.finding(
            fit,
            f"The learning rate of {optimizer.type} {begins} {number(lowest)}: each step goes up the slope, "
            "and makes the loss larger.",
            location=line_of(optimizer) or fit.model.compile_location,
            remedies=(rate_remedy(fit, rate_instead(optimizer)),),
            level=level_of_ascent(fit, run),
            strength=1.0,
            explains={"growth", "large-loss", "dead-activation", "saturated", "poor-accuracy"}
            | STUCK
            | NONFINITE_FORWARD,
            since=since,
        )

    def build_zero_finding(self, fit: Fit, run: Run, optimizer: OptimizerInfo) -> Finding:
        return self.finding(
            fit,
            f"The learning rate of {optimizer.type} is 0 in all {fit.info.steps} steps: no weight moves.",
            location=line_of(optimizer) or fit.model.compile_location,
            remedies=(rate_remedy(fit, rate_instead(optimizer)),),
            level="note" if follows_a_training(fit, run) else "error",
            strength=1.0,
            explains={"weights-still"} | STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            rate_run(-1e-3),
            rate_run(-1000.0, losses=[0.8, 1e7, 1e9, math.nan]),
            rate_run(0.0),
            rate_run(0.1, rates=[0.1] * 50 + [-2e-7] * 50),
            rate_run(-1e-3, loss="custom"),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            rate_run(1e-9),
            rate_run(0.0, rates=[0.0] + [1e-9] * 99),
            rate_run(1e-3, rates=[0.0] * 100),
            rate_run(0.1, rates=[0.1] * 50 + [-0.9e-7] * 50),
        ]


def first_negative(fit: Fit) -> int | None:
    """The first step, of those kept, with a rate below 0 by more than rounding."""
    rates = rates_of(fit)
    least = -ROUNDING * max(map(abs, rates), default=0.0)
    steps = [step for step, _ in fit.steps.values("learning_rate")] or [0]
    return next((step for step, rate in zip(steps, rates, strict=False) if rate < 0 and rate < least), None)


def line_of(optimizer: OptimizerInfo) -> Location | None:
    """That of the schedule, where one gives the rate."""
    return optimizer.schedule_location or optimizer.location


def rate_instead(optimizer: OptimizerInfo) -> float:
    """The rate without its sign where that is one in use; Keras's own where it is not."""
    usual = USUAL.get(optimizer.type, DEFAULT)
    size = abs(optimizer.learning_rate or 0.0)
    return float(f"{size:.3g}") if usual / IN_USE <= size <= usual * IN_USE else usual


def level_of_ascent(fit: Fit, run: Run) -> Level:
    """A note where the script's own loss may be one to be made larger, and no harm has come of it."""
    known = any(output.loss and output.loss.name in NONNEGATIVE for output in fit.model.outputs)
    harmed = incident_of(fit, run) is not None or growth_of_loss(fit) is not None
    return "error" if known or harmed else "note"


def follows_a_training(fit: Fit, run: Run) -> bool:
    """Whether the run has trained a model of this name before, at a rate above 0."""
    before = run.fits[: run.fits.index(fit)]
    return any(
        each.model.name == fit.model.name and any(rate > 0 for rate in rates_of(each)) for each in before
    )


def rate_run(
    rate: float,
    rates: list[float] | None = None,
    losses: list[float] | None = None,
    loss: str = "mean_squared_error",
) -> Run:
    """A training at ``rate``, the rates of its steps as given where a schedule or a callback sets them."""
    of = made_up.model(loss=loss, learning_rate=rate)
    if losses is not None:
        return made_up.run(of, loss=losses, incident={} if losses[-1] != losses[-1] else None)
    return made_up.run(of, steps={("learning_rate", "", "value"): rates} if rates else None)
