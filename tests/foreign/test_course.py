"""What is seen in the numbers of epochs, close on both sides of each threshold."""

from __future__ import annotations

import math

import pytest

from nanwatch.foreign.course import classes_of_share, least_entropy
from tests.foreign.trainings import course

NAN, INF = math.nan, math.inf
LN2 = math.log(2)


def test_where_the_loss_went_bad() -> None:
    bad = course(loss=[1.5, 0.25, NAN, NAN]).loss_bad
    assert bad is not None
    assert (bad.epoch, bad.infinite, bad.finite_before, bad.ended_finite) == (3, False, 2, False)
    at_once = course(loss=[INF, NAN]).loss_bad
    assert at_once is not None
    assert (at_once.infinite, at_once.finite_before) == (True, 0)
    recovered = course(loss=[1.0, NAN, 0.5]).loss_bad
    assert recovered is not None
    assert recovered.ended_finite


def test_a_validation_loss_that_is_bad_by_itself() -> None:
    assert course(loss=[1, 0.9, 0.8], val_loss=[NAN] * 3).val_bad is not None
    assert course(loss=[1, NAN, NAN], val_loss=[1, NAN, NAN]).val_bad is None
    assert (
        course(loss=[1, 1, NAN], val_loss=[1, NAN, NAN]).val_bad is None
    )  # weights that went bad at its end


@pytest.mark.parametrize(
    ("shares", "since"),
    [
        ([0.7, 0.5, 0.5, 0.5], 2),
        ([0.7, 0.6, 0.5, 0.5], None),  # two are often alike
        ([0.5, 0.5, 0.5, 0.5001], None),
        ([0.5, 0.50004, 0.5, 0.5], 1),  # below what is printed
        ([0.8, 1.0, 1.0, 1.0], None),  # nothing is left to learn
    ],
)
def test_an_accuracy_that_stands_still(shares: list[float], since: int | None) -> None:
    still = course(loss=[0.9, 0.8, 0.7, 0.6], acc=shares).still
    assert [each.since for each in still] == ([] if since is None else [since])


def test_behind_a_nan_two_are_enough() -> None:
    (still,) = course(loss=[0.9, NAN, NAN], acc=[0.7, 0.5, 0.5]).still
    assert (still.share, still.since, still.classes) == (0.5, 2, 2)


@pytest.mark.parametrize(
    ("share", "classes"),
    [
        (0.5, 2),
        (0.504, 2),
        (0.506, None),
        (0.1, 10),
        (0.106, None),
        (0.3333, 3),
        (0.96, None),
        (0.0, None),
        (0.001, 1000),
    ],
)
def test_chance(share: float, classes: int | None) -> None:
    assert classes_of_share(share) == classes


@pytest.mark.parametrize(
    ("losses", "flat"),
    [
        ([LN2, LN2, LN2], True),
        ([LN2, LN2], False),
        ([2e3, 2e3, 2e3 * 1.0049], True),
        ([2e3, 2e3, 2e3 * 1.0051], False),
        ([990, 990, 991], False),  # it may have converged
        ([0.02, 0.02, 0.02], True),
        ([0.0199, 0.0199, 0.0199], False),  # too few digits
        ([0.0, 0.0, 0.0], False),  # which is told as what it is
    ],
)
def test_a_loss_that_does_not_move(losses: list[float], flat: bool) -> None:
    assert (course(loss=losses).flat is not None) == flat


@pytest.mark.parametrize(
    ("loss", "shares", "units", "classes"),
    [
        (0.6931, [0.5] * 4, None, 2),
        (0.6931 * 1.009, [0.51] * 4, None, 2),
        (0.6931 * 1.011, [0.51] * 4, None, None),
        (2.3026, [0.1] * 4, None, 10),
        (2.3026, [0.11, 0.09, 0.1, 0.1], 10, 10),
        (1.61, [0.6] * 4, None, None),  # ln 5, and an accuracy that is not at chance among 5
        (4.615, [], None, None),  # near ln 101, as any number is near some ln k
        (2.3026, [], 10, 10),
    ],
)
def test_a_loss_of_guessing(loss: float, shares: list[float], units: int | None, classes: int | None) -> None:
    series = {"accuracy": shares} if shares else {}
    flat = course(units, loss=[loss] * 4, **series).flat
    assert flat is not None
    assert flat.classes == classes


@pytest.mark.parametrize(
    ("loss", "share", "flat"),
    [
        (0.6931, 0.5, True),
        (0.6785, 0.5, False),
        (0.60, 0.7, True),
        (0.59, 0.7, False),
        (2.3, 0.1, True),
        (0.2, 0.76, False),
    ],
)
def test_what_was_gone_on_with_has_learned(loss: float, share: float, flat: bool) -> None:
    """A loss that hardly moves below that of a guesser."""
    assert (course(loss=[loss, loss * 1.001, loss], accuracy=[share] * 3).flat is not None) == flat


def test_a_flat_loss_of_a_common_class_is_no_fault_unless_no_digit_moves() -> None:
    assert course(loss=[0.1, 0.1001, 0.1002], accuracy=[0.98] * 3).flat is None
    assert course(loss=[0.1, 0.1, 0.1], accuracy=[0.98] * 3).flat is not None


@pytest.mark.parametrize(("ratio", "is_hard"), [(15.19, False), (15.2, True), (16.12, True), (16.31, False)])
def test_hard_predictions(ratio: float, is_hard: bool) -> None:
    found = course(loss=[ratio * 0.5, ratio * 0.4], accuracy=[0.5, 0.6]).hard
    assert (found is not None) == is_hard


@pytest.mark.parametrize(
    ("losses", "grows"),
    [
        ([1, 0.5, 5.0], True),
        ([1, 0.5, 4.9], False),
        ([1, 1e-6, 1e-5], False),
        ([-1, -10, 5], False),
        ([1.0], False),
    ],
)
def test_a_loss_that_grows(losses: list[float], grows: bool) -> None:
    assert (course(loss=losses).grown is not None) == grows


def test_overfitting_is_told_and_is_no_fault() -> None:
    found = course(loss=[0.9, 0.5, 0.3, 0.1], val_loss=[0.8, 0.6, 0.7, 0.73])
    assert (found.best_epoch, found.best, found.last_val) == (2, 0.6, 0.73)
    assert course(loss=[0.9, 0.5, 0.3, 0.1], val_loss=[0.8, 0.6, 0.7, 0.71]).best_epoch is None
    assert course(loss=[0.9, 0.5, 0.6, 0.7], val_loss=[0.8, 0.6, 0.7, 0.9]).best_epoch is None


def test_a_validation_at_chance() -> None:
    learns = [0.5, 0.7, 0.9]
    losses = [0.7, 0.4, 0.1]
    assert course(loss=losses, acc=learns, val_acc=[0.5, 0.49, 0.52]).coin == 0.52
    assert course(loss=losses, acc=learns, val_acc=[0.5, 0.49, 0.57]).coin is None
    assert course(loss=losses, acc=[0.5, 0.6, 0.69], val_acc=[0.5] * 3).coin is None  # learns too little
    assert course(loss=losses, acc=learns, val_acc=[0.0] * 3).coin == 0.0
    assert course(10, loss=losses, acc=learns, val_acc=[0.1, 0.11, 0.1]).coin == 0.1


def test_guessing() -> None:
    still = [0.5075] * 4
    assert course(loss=[0.72, 0.6935, 0.6932, 0.6931], acc=[0.5, 0.49, 0.51, 0.5], val_acc=still).guesses
    assert not course(loss=[0.72, 0.69, 0.68, 0.67], acc=[0.5, 0.55, 0.57, 0.6], val_acc=still).guesses
    assert not course(loss=[0.9, 0.8, 0.7, 0.6], acc=[0.5, 0.5, 0.5, 0.5], val_acc=still).guesses  # it falls
    assert not course(loss=[0.3, 0.2, 0.2, 0.2], acc=[0.96] * 4, val_acc=[0.96] * 4).guesses


def test_entropy_is_that_of_the_share() -> None:
    assert least_entropy(0.5) == pytest.approx(LN2)
    assert least_entropy(0.25) == pytest.approx(math.log(4))
    assert least_entropy(0.7) == pytest.approx(0.6109, abs=1e-4)


def test_an_accuracy_of_a_regression() -> None:
    assert course(loss=[9, 5, 1], acc=[0.0, 0.001, 0.0]).never_right
    assert not course(loss=[9, 5, 1], acc=[0.0, 0.006, 0.0]).never_right


def test_top_k_is_no_accuracy_that_stands_at_chance() -> None:
    assert course(loss=[2, 1, 0.5], top_k_categorical_accuracy=[0.5] * 3).still == ()
