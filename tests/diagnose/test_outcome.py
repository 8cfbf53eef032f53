import math
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Outcome
from nanwatch.diagnose.doubts import doubts
from nanwatch.diagnose.outcome import held_for_others, outcome_of_run, share_words
from nanwatch.record.notes import HeldForOthers
from nanwatch.record.run import Run

NAN = math.nan
SPREAD = ("output", "output", "row_std")
HIGH = ("output", "output", "max")
UPDATE = ("update", "dense/kernel", "l2_norm")
WEIGHT = ("weight", "dense/kernel", "l2_norm")


def binary(**facts: Any) -> Run:
    """Two classes in equal shares, 200 rows, under binary cross-entropy."""
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    return made_up.run(of, **{"targets": [made_up.labels(0, 1)], **facts})


def epochs(accuracies: list[float], losses: list[float] | None = None) -> list[dict[str, float]]:
    losses = losses or [0.6931 + 1e-4 * (number % 3) for number in range(len(accuracies))]
    return [{"loss": loss, "accuracy": hit} for loss, hit in zip(losses, accuracies, strict=True)]


def looks(
    spread: float = 0.1, moved: float = 1e-3, count: int = 30
) -> dict[tuple[str, str, str], list[float]]:
    """A full look at every step: how far predictions spread, how far the weights move."""
    return {SPREAD: [spread] * count, HIGH: [0.5] * count, UPDATE: [moved] * count, WEIGHT: [1.0] * count}


def test_no_fit_is_no_training() -> None:
    run = made_up.run()
    assert outcome_of_run(type(run)(run.info, ())) == "no-training"


def test_a_fit_without_a_step_is_no_training() -> None:
    assert outcome_of_run(made_up.run(loss=[])) == "no-training"


def test_a_quiet_run_is_healthy() -> None:
    assert outcome_of_run(made_up.run()) == "healthy"


def test_an_incident_is_non_finite() -> None:
    assert outcome_of_run(made_up.run(loss=[0.7, 0.7], incident={"role": "gradient"})) == "non-finite"


def test_a_loss_that_ends_nan_is_non_finite_without_an_incident() -> None:
    assert outcome_of_run(made_up.run(loss=[0.7, NAN])) == "non-finite"


def test_a_nan_that_is_skipped_as_loss_scaling_does_is_not() -> None:
    assert outcome_of_run(made_up.run(loss=[0.7, math.inf, 0.6])) == "healthy"


def test_a_validation_loss_that_ends_nan_is_non_finite() -> None:
    assert outcome_of_run(made_up.run(epochs=[{"loss": 0.5, "val_loss": NAN}])) == "non-finite"


@pytest.mark.parametrize(("end", "expected"), [(701.0, "diverged"), (699.0, "healthy")])
def test_diverged_is_a_thousandfold_that_stays(end: float, expected: str) -> None:
    assert outcome_of_run(made_up.run(loss=[0.7] * 10 + [end] * 10)) == expected


def test_a_spike_that_recovers_has_not_diverged() -> None:
    assert outcome_of_run(made_up.run(loss=[0.7] * 40 + [1e6] * 2 + [0.6] * 40)) == "healthy"


@pytest.mark.parametrize(("end", "expected"), [(-0.011, "diverged"), (-0.009, "healthy")])
def test_a_cross_entropy_below_zero_has_diverged(end: float, expected: str) -> None:
    assert outcome_of_run(binary(loss=[0.7] * 5 + [end] * 15)) == expected


def test_a_negative_loss_of_ones_own_is_no_divergence() -> None:
    of = made_up.model(loss="custom")
    assert outcome_of_run(made_up.run(of, loss=[0.7] * 5 + [-30.0] * 15)) == "healthy"


@pytest.mark.parametrize(("spread", "expected"), [(4e-6, "at-chance"), (6e-6, "healthy")])
def test_one_answer_for_every_row_is_chance(spread: float, expected: str) -> None:
    run = binary(loss=[0.6931, 0.6932] * 15, health=looks(spread=spread))
    assert outcome_of_run(run) == expected


@pytest.mark.parametrize(("count", "expected"), [(20, "at-chance"), (19, "healthy")])
def test_one_answer_must_last_twenty_steps(count: int, expected: str) -> None:
    run = binary(loss=[0.6931, 0.6932] * 15, health=looks(spread=0.0, count=count))
    assert outcome_of_run(run) == expected


def test_one_answer_in_a_regression_is_not_learning() -> None:
    run = made_up.run(loss=[1.0, 1.1] * 15, health=looks(spread=0.0))
    assert outcome_of_run(run) == "not-learning"


def test_a_falling_loss_does_not_excuse_one_answer() -> None:
    """A softmax over one unit trains a logit that no prediction shows."""
    run = binary(epochs=epochs([0.5] * 5, [0.70, 0.5, 0.3, 0.2, 0.12]), health=looks(spread=0.0))
    assert outcome_of_run(run) == "at-chance"


# 200 rows: 0.590 lies outside what a fair coin gives in 99 of 100 cases, 0.585 inside.
@pytest.mark.parametrize(("hit", "expected"), [(0.585, "at-chance"), (0.595, "not-learning")])
def test_accuracy_is_tested_against_the_class_share(hit: float, expected: str) -> None:
    assert outcome_of_run(binary(epochs=epochs([hit] * 5), health=looks(moved=0.0))) == expected


@pytest.mark.parametrize(("counted", "expected"), [(False, "not-learning"), (True, "at-chance")])
def test_labels_counted_in_every_epoch_are_those_of_one_epoch_several_times(
    counted: bool, expected: str
) -> None:
    """55 % of 200 rows are what a fair coin may give, of 1000 rows not."""
    label = made_up.labels(0, 1, rows=1000, classes={"0": 500, "1": 500})
    run = binary(targets=[label], epochs=epochs([0.55] * 5), health=looks(moved=0.0), fit={"epochs": 5})
    (fit,) = run.fits
    data = replace(fit.info.data, labels_counted=counted)
    fits = (replace(fit, info=replace(fit.info, data=data)),)
    assert outcome_of_run(replace(run, fits=fits)) == expected


@pytest.mark.parametrize(
    ("hit", "words"),
    [
        (0.5, "is the share of one class"),
        (0.5049, "is the share of one class"),  # the same number of hits, of 200
        (0.505, "is within chance of the share of one class, 0.5000"),
        (0.585, "is within chance of the share of one class, 0.5000"),
        (0.595, None),
    ],
)
def test_an_accuracy_near_a_share_is_not_said_to_be_it(hit: float, words: str | None) -> None:
    (fit,) = binary(epochs=epochs([hit] * 3)).fits
    assert share_words(fit) == words
    doubtful = [doubt for doubt in doubts(fit) if doubt.startswith("its accuracy")]
    assert doubtful == (
        [] if words is None else [f"its accuracy, {hit:.4f}, {words}, and its loss has not improved"]
    )


def test_of_several_classes_it_is_the_nearest() -> None:
    """Of five in about equal shares, of which none is what was reached."""
    label = made_up.labels(*range(5), classes={"0": 203, "1": 197, "2": 200, "3": 201, "4": 199})
    of = made_up.model(made_up.dense(units=5, activation="softmax"), loss="sparse_categorical_crossentropy")
    (fit,) = made_up.run(of, targets=[replace(label, rows=1000)], epochs=epochs([0.2263] * 3)).fits
    assert share_words(fit) == "is within chance of the share of one class, 0.2030"


def test_accuracy_at_the_share_needs_three_epochs() -> None:
    assert outcome_of_run(binary(epochs=epochs([0.5] * 3), health=looks(moved=0.0))) == "at-chance"
    assert outcome_of_run(binary(epochs=epochs([0.5] * 2), health=looks(moved=0.0))) == "not-learning"


def test_a_plateau_with_moving_weights_is_not_stuck() -> None:
    assert outcome_of_run(binary(epochs=epochs([0.5] * 60), health=looks(spread=0.006))) == "healthy"


def test_imbalance_is_not_chance() -> None:
    """97 % of one class: the accuracy is its share all along, and the loss falls."""
    rare = made_up.labels(0, 1, rows=1000, classes={"0": 973, "1": 27})
    falling = epochs([0.973] * 6, [0.77, 0.4, 0.2, 0.12, 0.11, 0.096])
    assert outcome_of_run(binary(targets=[rare], epochs=falling, health=looks(spread=0.044))) == "healthy"


def test_weights_that_stand_still_do_not_learn() -> None:
    assert outcome_of_run(made_up.run(loss=[1.0, 1.1] * 15, health=looks(moved=1e-7))) == "not-learning"
    assert outcome_of_run(made_up.run(loss=[1.0, 1.1] * 15, health=looks(moved=1.1e-7))) == "healthy"


def test_a_loss_that_repeats_to_all_digits_does_not_learn() -> None:
    flat = [1.0, 1.1] * 15
    same = [{"loss": 0.7214}] * 3
    moving = [{"loss": 0.7214}, {"loss": 0.72140073}, {"loss": 0.7214}]
    assert outcome_of_run(made_up.run(loss=flat, epochs=same)) == "not-learning"
    assert outcome_of_run(made_up.run(loss=flat, epochs=moving)) == "healthy"


def test_a_run_that_has_learned_and_rests_is_done() -> None:
    done = [{"loss": loss} for loss in (0.9, 0.1, 0.0, 0.0, 0.0)]
    assert outcome_of_run(made_up.run(epochs=done, health=looks(moved=0.0))) == "healthy"


def test_a_second_fit_of_a_trained_model_is_done() -> None:
    assert outcome_of_run(binary(loss=[0.06] * 40, health=looks(moved=0.0))) == "healthy"
    assert outcome_of_run(binary(loss=[0.34] * 40, health=looks(moved=0.0))) == "healthy"
    assert outcome_of_run(binary(loss=[0.36] * 40, health=looks(moved=0.0))) == "not-learning"


@pytest.mark.parametrize(
    ("status", "expected"),
    [("crashed", "crashed"), ("killed", "incomplete"), ("running", "incomplete"), ("halted", "healthy")],
)
def test_the_ending_of_the_script_where_the_numbers_are_well(status: str, expected: str) -> None:
    assert outcome_of_run(made_up.run(info={"status": status})) == expected


def test_numbers_outweigh_the_ending() -> None:
    run = made_up.run(loss=[0.7, NAN], incident={}, info={"status": "crashed"})
    assert outcome_of_run(run) == "non-finite"


def test_a_fit_whose_exception_the_script_caught_does_not_count() -> None:
    run = made_up.run()
    fits: list[Outcome] = ["crashed", "healthy"]
    assert outcome_of_run(run, fits) == "healthy"
    assert outcome_of_run(run, ["crashed"]) == "crashed"


CUT = {"cut_short": True}


def test_a_fit_that_was_cut_short_is_not_called_stuck() -> None:
    still = looks(spread=0.0, moved=0.0)
    assert outcome_of_run(binary(loss=[0.6931, 0.6932] * 15, health=still)) == "at-chance"
    assert outcome_of_run(binary(loss=[0.6931, 0.6932] * 15, health=still, fit=CUT)) == "healthy"
    assert outcome_of_run(made_up.run(loss=[1.0, 1.1] * 15, health=looks(moved=0.0), fit=CUT)) == "healthy"


@pytest.mark.parametrize(("end", "expected"), [(7.1e5, "diverged"), (6.9e5, "healthy")])
def test_a_cut_fit_has_diverged_only_beyond_doubt(end: float, expected: str) -> None:
    assert outcome_of_run(made_up.run(loss=[0.7] * 10 + [end] * 10, fit=CUT)) == expected


def test_a_cut_fit_that_went_bad_went_bad() -> None:
    assert outcome_of_run(made_up.run(loss=[0.7, NAN], incident={}, fit=CUT)) == "non-finite"
    assert outcome_of_run(binary(loss=[0.7] * 5 + [-0.011] * 15, fit=CUT)) == "diverged"


def test_a_printed_loss_that_nobody_updates_says_nothing_of_the_training() -> None:
    own = made_up.model(custom_train_step=True)
    zeros = [{"loss": 0.0}] * 4
    falling = made_up.run(own, loss=[0.9 - 0.02 * step for step in range(40)], epochs=zeros)
    assert outcome_of_run(falling) == "healthy"
    still = made_up.run(own, loss=[0.9] * 40, epochs=zeros, health=looks(moved=0.0))
    assert outcome_of_run(still) == "not-learning"


def test_a_worker_that_was_halted_with_another() -> None:
    """It saw nothing bad itself, and did not come to its end."""
    healthy = made_up.run(loss=[0.7, 0.6, 0.5])
    noted = replace(healthy.fits[0].info, not_watched=(HeldForOthers(3),))
    held = replace(healthy, fits=[replace(healthy.fits[0], info=noted)])
    assert held_for_others(held) == [3]
    assert outcome_of_run(held) == "incomplete"
    assert outcome_of_run(healthy) != "incomplete"
