import math

import pytest

from nanwatch.diagnose.statistics import EXACT_UP_TO, binomial_p_value, median


def brute_force(successes: int, trials: int, share: float) -> float:
    """The two-sided tail, counted from the definition."""
    chances = [math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(trials + 1)]
    return sum(chance for chance in chances if chance <= chances[successes] * (1 + 1e-9))


@pytest.mark.parametrize("share", [0.5, 0.2, 0.97])
@pytest.mark.parametrize("successes", [0, 3, 10, 19, 20])
def test_binomial_as_counted(successes: int, share: float) -> None:
    assert binomial_p_value(successes, 20, share) == pytest.approx(brute_force(successes, 20, share))


def test_the_approximation_meets_the_exact_sum() -> None:
    trials = EXACT_UP_TO
    for successes in (1000, 1020, 1050):
        exact = binomial_p_value(successes, trials, 0.5)
        near = binomial_p_value(successes, trials + 1, 0.5)
        assert near == pytest.approx(exact, abs=0.03)


def test_a_share_of_nothing_or_all_is_met_exactly_or_not() -> None:
    assert binomial_p_value(0, 50, 0.0) == 1.0
    assert binomial_p_value(1, 50, 0.0) == 0.0
    assert binomial_p_value(50, 50, 1.0) == 1.0


def test_median() -> None:
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5
    assert math.isnan(median([]))
