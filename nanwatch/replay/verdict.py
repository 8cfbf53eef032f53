"""What two courses of one training say: with the change it learns, it does not, or it always did."""

from __future__ import annotations

import math

from nanwatch.record.trials import Verdict
from nanwatch.replay.course import Course

# A mended training is better than guessing by a tenth of the loss: less is what chance and memory give
# within some hundred steps.
LEARNS = 0.1
# It leaves at most this share of the loss that was above perfect, and is ahead by so much skill. The
# faults that were tried left 0.03 to 0.63 of it; a rate or a scale that merely suits better, 0.8 and more.
LEFT = 0.75
AHEAD = 0.15
# Of one that has learned something by itself a half: what merely suits better wins less in as many steps.
LEARNED_SOME = 0.3
LEFT_OF_SOME = 0.5
CLEARLY_AHEAD = 0.3
# Below it a skill counts by its logarithm: how far down a batch lies, a few rows of a heavy tail decide.
FAR_DOWN = -1.0
# Differences of the paired batches of one window, in standard errors of their mean.
SURE = 3.0
# A training that ends so far below guessing is held down by its fault; without it, it may still be at
# the beginning, but no worse than guessing; or on its way, with less than a third of the loss that it had.
HELD_DOWN = -0.5
NO_WORSE = -0.02
ON_ITS_WAY = 0.3
# One that learned by itself when it was made again, where it had not: chance decides, not the change.
CAME_BY_ITSELF = 0.3
PERFECT = 1.001  # and what rounding adds
# Half of what was left above perfect is gone: more steps would not change what is said.
PLAIN = 0.5


def verdict_of(
    before: Course, after: Course, ended: float | None, damper: bool, suspected: bool = False
) -> Verdict:
    """The verdict on a change; ``ended`` is the skill that the training itself came to, if it is known.

    Where no skill is known as it was, since a loss below 0 can be had by guessing, the remedy of a fault that
    is more than suspected is judged by itself.
    """
    if not before.finite:
        return "cured" if after.finite and lasts(before, after) else "not-cured"
    was = before.skill()
    if was is None or was > PERFECT:  # a loss without a floor: of such labels there is no best answer
        return "cured" if not (damper or suspected) and learns(after) else "not-reproduced"
    if ended is not None and was > max(ended, 0.0) + CAME_BY_ITSELF:
        return "not-reproduced"
    return "cured" if is_mended(before, after, damper) else "not-cured"


def learns(after: Course) -> bool:
    """Whether it learned, where nothing can be compared with it."""
    now = after.skill()
    return now is not None and LEARNS <= now <= PERFECT


def lasts(before: Course, after: Course) -> bool:
    """Whether it stayed finite for longer than the fault took to show, and did not merely put it off."""
    return after.steps >= 2 * before.steps + 1


def is_mended(before: Course, after: Course, damper: bool) -> bool:
    """Whether the training learns with the change, and did not without, beyond chance."""
    was, now = before.skill(), after.skill()
    if was is None or now is None or not is_sure(before, after):
        return False
    if was <= HELD_DOWN and not damper and (now >= NO_WORSE or 1.0 - now <= ON_ITS_WAY * (1.0 - was)):
        return True
    floor = max(was, 0.0)
    left = LEFT if floor < LEARNED_SOME else LEFT_OF_SOME
    return now >= LEARNS and now - floor >= AHEAD and 1.0 - now <= left * (1.0 - floor)


def is_spoilt(before: Course, after: Course) -> bool:
    """Whether an output that had learned learns nothing with the change, in as many steps."""
    was, now = before.skill(min(before.steps, after.steps)), after.skill()
    return was is not None and now is not None and was >= LEARNED_SOME and now < LEARNS


def is_plain(before: Course, after: Course) -> bool:
    """Whether the change has cured so clearly that the training need not go on."""
    was, now = before.skill(), after.skill()
    if was is None or now is None or after.steps < 2 * after.window:
        return False
    return now >= PLAIN and 1.0 - now <= PLAIN * (1.0 - max(was, 0.0)) and is_sure(before, after)


def is_narrow(before: Course, after: Course) -> bool:
    """Whether what cured leaves a doubt that another order of the rows would settle."""
    was, now = before.skill(), after.skill()
    if was is None or now is None or was > PERFECT:
        return False
    far = was <= HELD_DOWN and 1.0 - now <= ON_ITS_WAY * (1.0 - was)
    return not far and now - max(was, 0.0) < CLEARLY_AHEAD


def is_sure(before: Course, after: Course) -> bool:
    """A paired t test over the last window: were the same batches cheaper, beyond their own noise?"""
    until = min(before.steps, after.steps)
    pairs = list(zip(before.recent(until), after.recent(until), strict=False))
    if len(pairs) < 2:
        return False
    gains = [squashed(now) - squashed(was) for was, now in pairs]
    mean = sum(gains) / len(gains)
    spread = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1))
    return mean > SURE * spread / math.sqrt(len(gains))


def squashed(skill: float) -> float:
    return skill if skill >= FAR_DOWN else FAR_DOWN - math.log(skill / FAR_DOWN)
