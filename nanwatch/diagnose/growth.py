"""How loss and gradients grew: from what, to what, since when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nanwatch.diagnose.observed import GROWTH
from nanwatch.diagnose.readings import gradient_norms
from nanwatch.diagnose.statistics import median
from nanwatch.record.run import Fit

# A start is the median of the first five values once there are so many steps that a fast growth
# would be over; in a shorter run the first value alone is from before the growth.
SETTLED = 20
BEGINS = 10.0  # times the start: noise between batches stays below, an explosion passes in a step or two
LEAST_LOSS = 1e-3  # a loss that has been solved to less may well rise a thousandfold
# A net that leaves a plateau has gradients a thousand times those on it, and they are ordinary: a
# norm of 10 and more (a thousand times this) is not.
LEAST_NORM = 1e-2
NEAR_END = 5  # steps: a growth that ends in inf peaks in the last finite steps


@dataclass(frozen=True)
class Growth:
    """Values that left their start by orders and did not come back."""

    start: float
    peak: float
    since: int  # step
    steps: int  # values from there to the peak

    @property
    def ratio(self) -> float:
        return self.peak / self.start

    @property
    def factor(self) -> float:
        """By how much a value is multiplied a step, on average."""
        return math.exp(math.log(max(self.ratio, 1.0)) / max(1, self.steps))


def growth_of_loss(fit: Fit) -> Growth | None:
    """The growth of the steps' true loss that goes on to the end of what was finite.

    Of a loss that has been below 0 there is none: it may be of either sign, and its size says nothing.
    """
    if any(value < 0 for _, value in fit.losses()):
        return None
    return growth(fit.losses(), LEAST_LOSS)


def growth_of_gradients(fit: Fit) -> Growth | None:
    return growth(gradient_norms(fit), LEAST_NORM)


def growth(values: Sequence[tuple[int, float]], least: float) -> Growth | None:
    """By `GROWTH` from the start, or from ``least``, to a peak at the end or a level that is kept."""
    finite = [(step, value) for step, value in values if math.isfinite(value)]
    if len(finite) < 2:
        return None
    numbers = [value for _, value in finite]
    start = max(median(numbers[:5]) if len(numbers) >= SETTLED else numbers[0], least)
    peak = max(numbers[-NEAR_END:])
    if len(numbers) >= SETTLED and math.isfinite(values[-1][1]):
        peak = median(numbers[-(len(numbers) // 10) :])  # it ended finite: one spike is none
    if peak < GROWTH * start:
        return None
    end = max(place for place, value in enumerate(numbers) if value >= peak)
    begun = end
    while begun > 0 and numbers[begun - 1] > BEGINS * start:
        begun -= 1
    return Growth(start, peak, finite[begun][0], end - begun + 1)
