"""Where the loss of a training began and where it ended: one batch's loss is noisy, and no end."""

from __future__ import annotations

from typing import NamedTuple

from nanwatch.diagnose.loss_course import LAST_STEPS, closing_loss
from nanwatch.diagnose.outcome import kept_losses
from nanwatch.explain.figures import short
from nanwatch.record.run import Fit


class LossEnd(NamedTuple):
    value: float
    where: str

    @property
    def words(self) -> str:
        return f"{short(self.value)} {self.where}"


def loss_words(fit: Fit, brief: bool = False) -> str | None:
    """``"loss 0.7 at the first step, 0.31 over the last epoch"``, or ``"loss from 0.7 to 0.31"``.

    None where no loss was seen.
    """
    losses = fit.losses()
    if not losses:
        return None
    ended = end_of_loss(fit) if len(losses) > 1 else None
    if brief and ended is not None:
        return f"loss from {short(losses[0][1])} to {short(ended.value)}"
    return f"loss {short(losses[0][1])} at the first step" + ("" if ended is None else f", {ended.words}")


def end_of_loss(fit: Fit) -> LossEnd | None:
    """The mean over the last epoch; over the last steps, where no epoch was logged to its end."""
    logged, losses = kept_losses(fit), fit.losses()
    if logged and len(logged) == fit.info.epochs:
        return LossEnd(logged[-1], "over the last epoch")
    if not losses:
        return None
    mean = closing_loss(fit)
    if mean is None or len(losses) <= LAST_STEPS:
        return LossEnd(losses[-1][1], "at the last step")
    return LossEnd(mean, f"over the last {LAST_STEPS} steps")
