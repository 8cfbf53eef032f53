"""The little statistics that rules need, on plain lists."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

# Up to here the binomial test sums exact probabilities; beyond, the normal approximation errs by
# less than 1e-3 for shares between 0.01 and 0.99 (Berry-Esseen with n p (1-p) > 20).
EXACT_UP_TO = 2000


def median(values: Sequence[float]) -> float:
    """The middle value; the mean of the two middle ones. NaN for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def finite_values(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


@functools.lru_cache(maxsize=4096)  # several rules ask it of the same epochs
def binomial_p_value(successes: int, trials: int, share: float) -> float:
    """Two-sided: how often ``trials`` draws with chance ``share`` lie as far out as ``successes``.

    Exact (all outcomes at most as likely as the seen one) for few trials, else the normal
    approximation with continuity correction.
    """
    if trials <= 0 or not 0 < share < 1:
        return 1.0 if successes == round(trials * share) else 0.0
    if trials <= EXACT_UP_TO:
        seen = log_binomial(successes, trials, share)
        # 1e-7 keeps the mirrored outcome in when rounding makes it a hair likelier.
        tail = (log_binomial(count, trials, share) for count in range(trials + 1))
        return min(1.0, sum(math.exp(term) for term in tail if term <= seen + 1e-7))
    deviation = math.sqrt(trials * share * (1 - share))
    distance = max(0.0, abs(successes - trials * share) - 0.5)
    return math.erfc(distance / deviation / math.sqrt(2))


def log_binomial(successes: int, trials: int, share: float) -> float:
    """The logarithm of the probability of exactly ``successes``."""
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    return ways + successes * math.log(share) + (trials - successes) * math.log1p(-share)
