import math

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.growth import Growth, growth_of_gradients, growth_of_loss


def of_loss(losses: list[float]) -> Growth | None:
    return growth_of_loss(made_up.run(loss=losses).fits[0])


def of_norms(norms: list[float]) -> Growth | None:
    steps = {("gradient", "dense/kernel", "l2_norm"): norms}
    return growth_of_gradients(made_up.run(loss=[0.7] * len(norms), steps=steps).fits[0])


def test_growth_says_from_where_to_where_and_how_fast() -> None:
    grown = of_loss([1.0, 2.0, 20.0, 200.0, 2000.0, math.inf])
    assert grown is not None
    assert (grown.start, grown.peak, grown.since, grown.steps) == (1.0, 2000.0, 2, 3)
    assert grown.factor == pytest.approx(2000.0 ** (1 / 3))


@pytest.mark.parametrize(("peak", "found"), [(1000.0, True), (999.0, False)])
def test_growth_is_a_thousandfold(peak: float, found: bool) -> None:
    assert (of_loss([1.0, 30.0, peak, math.nan]) is not None) is found


def test_a_spike_that_comes_back_is_no_growth() -> None:
    assert of_loss([1.0] * 40 + [1e6] + [1.0] * 40) is None


def test_a_spike_long_before_the_end_does_not_lead_to_it() -> None:
    assert of_loss([1.0] * 10 + [1e6] + [1.0] * 5 + [math.nan]) is None
    assert of_loss([1.0] * 10 + [1e6] + [1.0] * 4 + [math.nan]) is not None


def test_a_level_that_is_kept_is_growth() -> None:
    assert of_loss([1.0] * 40 + [1e4] * 20) is not None


def test_a_solved_loss_may_rise() -> None:
    assert of_loss([1e-6] * 30 + [0.9] * 10) is None
    assert of_loss([1e-6] * 30 + [1.1] * 10) is not None


def test_gradients_that_leave_a_plateau_are_ordinary() -> None:
    assert of_norms([1e-5] * 30 + [9.9] * 10) is None
    assert of_norms([1e-5] * 30 + [10.1] * 10) is not None


@pytest.mark.parametrize(("early", "found"), [(-0.1, False), (0.1, True)])
def test_of_a_loss_that_was_below_zero_the_size_says_nothing(early: float, found: bool) -> None:
    assert (of_loss([1.0, early, 1.0, 40.0, 2000.0, 9e4, 9e5, 9e6]) is not None) is found


def test_a_nan_after_ordinary_norms_is_no_growth() -> None:
    assert of_norms([1.0] * 30 + [math.nan]) is None


def test_one_value_grows_from_nothing() -> None:
    assert of_loss([1e9]) is None
    assert of_loss([]) is None
