"""Two courses of a training, and what is said of the change between them."""

import math

import pytest

from nanwatch.replay import verdict
from nanwatch.replay.course import Course
from nanwatch.replay.verdict import is_narrow, is_plain, is_spoilt, verdict_of

pytestmark = pytest.mark.tensorflow


def course(skill: float, steps: int = 100, noise: float = 0.01, finite: bool = True) -> Course:
    """Skills around one value, in pairs that cancel out."""
    skills = [skill + (noise if number % 2 else -noise) for number in range(steps)]
    return Course([1.0 - each for each in skills], skills, finite=finite)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (0.0, 0.26, "cured"),
        (0.0, 0.24, "not-cured"),  # more than a quarter of what can be won is left
        (-0.4, 0.26, "cured"),
        (-0.4, 0.24, "not-cured"),
        (0.29, 0.47, "cured"),
        (0.29, 0.46, "not-cured"),
        (0.31, 0.66, "cured"),  # half of what was left
        (0.31, 0.65, "not-cured"),
        (0.9, 0.95, "not-cured"),  # it learned as it was
        (-0.51, -0.01, "cured"),  # held far below guessing, and no more
        (-0.51, -0.03, "not-cured"),
        (-0.49, -0.01, "not-cured"),
        (-9.0, -1.99, "cured"),  # less than a third of the loss, and still on its way
        (-9.0, -2.01, "not-cured"),
    ],
)
def test_a_change_that_cures(was: float, now: float, said: str) -> None:
    assert verdict_of(course(was), course(now), ended=was, damper=False) == said


@pytest.mark.parametrize(
    ("was", "now", "spoilt"), [(0.31, 0.09, True), (0.31, 0.11, False), (0.29, 0.0, False), (0.9, -3.0, True)]
)
def test_an_output_that_had_learned_and_learns_no_more(was: float, now: float, spoilt: bool) -> None:
    assert is_spoilt(course(was, noise=0.0), course(now, noise=0.0)) is spoilt


def test_a_damper_must_make_it_learn() -> None:
    assert verdict_of(course(-9.0), course(0.0), ended=-9.0, damper=True) == "not-cured"


def test_a_gain_within_the_noise_of_the_batches_is_none() -> None:
    quiet = course(0.3, noise=0.1)
    loud = Course([], [2.5 if number % 4 == 0 else -0.3 for number in range(100)])
    assert sum(loud.recent()) / len(loud.recent()) == pytest.approx(0.4)
    assert verdict_of(course(0.0), quiet, ended=0.0, damper=False) == "cured"
    assert verdict_of(course(0.0), loud, ended=0.0, damper=False) == "not-cured"


def test_a_heavy_tail_below_guessing_hides_no_cure() -> None:
    """Of percentages one batch in twenty is a hundred times as bad as the others."""
    tail = Course([1.0] * 100, [-300.0 if number % 20 == 0 else -3.0 for number in range(100)])
    assert verdict_of(tail, course(0.9), ended=-17.0, damper=False) == "cured"
    assert verdict_of(tail, tail, ended=-17.0, damper=False) == "not-cured"


def test_what_learned_when_it_was_made_again_says_nothing_of_the_change() -> None:
    assert verdict_of(course(0.31), course(0.9), ended=0.0, damper=False) == "not-reproduced"
    assert verdict_of(course(0.29), course(0.9), ended=0.0, damper=False) == "cured"


def test_without_a_constant_answer_only_what_learns_is_told() -> None:
    """As with labels of -1 under a cross-entropy: the lower the loss, the worse."""
    for floorless in (Course([1.0] * 50), course(11.0)):
        assert verdict_of(floorless, course(0.09), ended=None, damper=False) == "not-reproduced"
        assert verdict_of(floorless, course(0.11), ended=None, damper=False) == "cured"
        assert verdict_of(floorless, course(0.51), ended=None, damper=True) == "not-reproduced"
        assert verdict_of(floorless, course(9.0), ended=None, damper=False) == "not-reproduced"


@pytest.mark.parametrize(("steps", "said"), [(41, "cured"), (40, "not-cured")])
def test_a_fault_that_was_put_off_is_not_cured(steps: int, said: str) -> None:
    broken = course(0.0, steps=20, finite=False)
    assert verdict_of(broken, course(0.0, steps=steps), ended=None, damper=False) == said


def test_a_change_that_goes_non_finite_as_well() -> None:
    broken = course(0.0, steps=20, finite=False)
    assert verdict_of(broken, course(0.0, steps=60, finite=False), ended=None, damper=False) == "not-cured"
    assert verdict_of(course(0.0), course(0.9, finite=False), ended=0.0, damper=False) == "not-cured"


def test_what_is_plain_need_not_go_on() -> None:
    assert is_plain(course(0.0), course(0.51, steps=40))
    assert not is_plain(course(0.0), course(0.49, steps=40))
    assert not is_plain(course(0.0), course(0.9, steps=39))
    assert not is_plain(course(0.3), course(0.64, steps=40))  # half of what was left


def test_a_narrow_cure_is_asked_again() -> None:
    edge = verdict.CLEARLY_AHEAD
    assert is_narrow(course(0.0), course(edge - 0.01))
    assert not is_narrow(course(0.0), course(edge + 0.01))
    assert not is_narrow(course(-5.0), course(edge + 0.01))
    # Held down far below guessing, and on its way up from there.
    assert not is_narrow(course(-2.4), course(0.0))
    assert is_narrow(course(-2.3), course(0.0))


def test_the_skill_of_a_course_is_that_of_its_last_window() -> None:
    assert Course([], [0.0] * 80 + [0.5] * 20).skill() == pytest.approx(0.5)
    assert Course([], [0.0] * 80 + [0.5] * 20, finite=False).skill() is None
    assert Course([math.e]).skill() is None
