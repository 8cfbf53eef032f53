"""How far a running training is, how fast, and when it will be through."""

from __future__ import annotations

from dataclasses import dataclass

from nanwatch.explain.figures import count
from nanwatch.record.run import Fit

PACE_STEPS = 512  # the last steps, over which the pace is taken: a slow first step is soon forgotten
LEAST_STEPS = 8  # fewer tell no pace: the first one holds the compiling
MINUTE = 60


@dataclass(frozen=True)
class Progress:
    """``total`` steps were asked for; ``pace`` is steps a second; None where that is not known."""

    steps: int
    epoch: int
    total: int | None = None
    pace: float | None = None

    @property
    def share(self) -> float | None:
        return min(1.0, self.steps / self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        if self.total is None or not self.pace:
            return None
        return max(0, self.total - self.steps) / self.pace


def progress(fit: Fit) -> Progress:
    steps = len(fit.steps)
    epochs = fit.steps.recent_values("epoch", last=1)
    epoch = int(epochs[-1]) if epochs else max(0, fit.info.epochs - 1)
    in_epoch = fit.info.steps_per_epoch or steps_of_epoch(fit, epoch)
    total = None
    if in_epoch and fit.info.epochs_asked:
        total = in_epoch * fit.info.epochs_asked
    return Progress(steps, epoch, total if total is None or total >= steps else None, pace(fit))


def steps_of_epoch(fit: Fit, epoch: int) -> int | None:
    """The steps of an epoch, from those that are over; None in the first."""
    if not epoch:
        return None
    before = sum(bucket.count for bucket in fit.steps.timeline("epoch") if bucket.max < epoch)
    return round(before / epoch)


def pace(fit: Fit) -> float | None:
    times = fit.steps.recent_values("time", last=PACE_STEPS)
    if len(times) < LEAST_STEPS or times[-1] <= times[0]:
        return None
    return (len(times) - 1) / (times[-1] - times[0])


def step_words(found: Progress, fit: Fit) -> str:
    """``step 1,234 of 9,380, epoch 3 of 20``; a loop of the script's own has no epochs."""
    of_steps = f" of {found.total:,}" if found.total else ""
    of_epochs = f" of {fit.info.epochs_asked}" if fit.info.epochs_asked else ""
    epoch = f", epoch {found.epoch + 1}{of_epochs}" if fit.has_epochs() else ""
    return f"step {found.steps:,}{of_steps}{epoch}"


def left_words(found: Progress) -> str | None:
    """``about 4 min left``: early stopping may end it sooner."""
    left = found.seconds_left
    return None if left is None else f"about {duration(left)} left"


def duration(seconds: float) -> str:
    """``40 s``, ``4 min``, ``2 h 05 min``, ``3 days 4 h``."""
    if seconds < 1.5 * MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{count(days, 'day')} {hours} h"
