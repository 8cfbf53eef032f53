"""Whether the numbers of a training show that it has learned something."""

from __future__ import annotations

from nanwatch.diagnose.loss_course import sole_output
from nanwatch.diagnose.readings import CATEGORICAL, accuracies, is_classification, label_of, label_width
from nanwatch.diagnose.skill import ENOUGH_STEPS, LITTLE, accuracy_skill, skill_of
from nanwatch.record.facts import OutputInfo
from nanwatch.record.run import Fit


def is_right(fit: Fit) -> bool:
    """Whether the accuracy of the last epoch is far above that of a constant answer."""
    right = accuracy_skill(fit)
    return right is not None and right >= LITTLE


def learned(fit: Fit) -> bool | None:
    """Whether it ended far better than a constant answer; None where that is not known."""
    found, right = skill_of(fit), accuracy_skill(fit)
    if found is not None and found.is_little and not has_floor_of_zero(fit):
        found = None
    if found is None and right is None:
        return True if accuracies(fit)[-1:] == [1.0] else None
    return is_right(fit) or (found is not None and not found.is_little)


def has_floor_of_zero(fit: Fit, output: OutputInfo | None = None) -> bool:
    """Whether a perfect answer costs nothing, of the only output, or of this one of several.

    Under a cross-entropy labels that are shares cost their entropy, and several ones a row what it takes a
    softmax to share out its one.
    """
    output = output or sole_output(fit)
    label = label_of(fit, output)
    if output is None or output.loss is None or label is None or not is_classification(output):
        return True
    several = label_width(label) > 1 and not label.one_hot and output.loss.name == CATEGORICAL
    return label.integral and not several


def has_proved_itself(fit: Fit) -> bool:
    """Whether it was long enough to break, and learned: what may cripple a training has not crippled it."""
    return bool(learned(fit)) and fit.info.steps >= ENOUGH_STEPS and not fit.info.cut_short
