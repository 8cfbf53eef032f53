"""Whether the numbers of a training show that it has learned something."""

from __future__ import annotations

from nanwatch.diagnose.readings import accuracies
from nanwatch.diagnose.skill import ENOUGH_STEPS, LITTLE, accuracy_skill, skill_of
from nanwatch.record.run import Fit


def is_right(fit: Fit) -> bool:
    """Whether the accuracy of the last epoch is far above that of a constant answer."""
    right = accuracy_skill(fit)
    return right is not None and right >= LITTLE


def learned(fit: Fit) -> bool | None:
    """Whether it ended far better than a constant answer; None where that is not known."""
    found, right = skill_of(fit), accuracy_skill(fit)
    if found is None and right is None:
        return True if accuracies(fit)[-1:] == [1.0] else None
    return is_right(fit) or (found is not None and not found.is_little)


def has_proved_itself(fit: Fit) -> bool:
    """Whether it was long enough to break, and learned: what may cripple a training has not crippled it."""
    return bool(learned(fit)) and fit.info.steps >= ENOUGH_STEPS and not fit.info.cut_short
