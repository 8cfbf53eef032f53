import math
from collections.abc import Set
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.observed import headline_symptom, observed_symptoms
from nanwatch.diagnose.outcome import outcome_of_fit
from nanwatch.record.facts import DataInfo, SpreadEntry
from nanwatch.record.run import Run


def seen(run: Run) -> tuple[Set[str], str | None]:
    fit = run.fits[0]
    outcome = outcome_of_fit(fit, run)
    return observed_symptoms(fit, run, outcome), headline_symptom(fit, run, outcome)


def broken(**incident: Any) -> Run:
    return made_up.run(loss=[0.7, math.nan], incident=incident)


def test_the_first_place_in_the_chain_is_the_headline() -> None:
    spread = (SpreadEntry("gradient", "dense/kernel", 8, 8), SpreadEntry("loss", "", 1, 1))
    symptoms, first = seen(broken(role="gradient", spread=spread))
    assert {"nonfinite-loss", "nonfinite-gradient"} <= symptoms
    assert first == "nonfinite-loss"


def test_a_finite_loss_with_a_bad_gradient_is_a_family_of_its_own() -> None:
    assert seen(broken(role="gradient"))[1] == "nonfinite-gradient"


def test_bad_data_in_the_batch_come_before_the_loss_that_showed_them() -> None:
    batch = DataInfo(inputs=(made_up.tensor("input", num_nan=3),))
    assert seen(broken(role="loss", batch=batch))[1] == "nonfinite-input"


def test_predictions_that_are_bad_come_before_the_loss() -> None:
    outputs = (made_up.tensor("output", num_pos_inf=1),)
    assert seen(broken(role="loss", outputs=outputs))[1] == "nonfinite-output"


def test_a_healthy_run_shows_nothing() -> None:
    assert seen(made_up.run()) == (frozenset(), None)


def test_validation_alone() -> None:
    run = made_up.run(epochs=[{"loss": 0.5, "val_loss": math.nan}])
    assert seen(run) == ({"nonfinite-validation"}, "nonfinite-validation")


def test_a_crash() -> None:
    run = made_up.run(loss=[], fit={"status": "crashed", "error": "ValueError: no"})
    assert seen(run) == ({"crash"}, "crash")


@pytest.mark.parametrize(("times", "large"), [(3.01, True), (2.99, False)])
def test_a_large_start_is_three_times_guessing(times: float, large: bool) -> None:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    run = made_up.run(of, loss=[times * math.log(2)] * 5 + [0.5] * 30, targets=[made_up.labels(0, 1)])
    assert ("large-loss" in seen(run)[0]) is large


@pytest.mark.parametrize(("peak", "grown"), [(701.0, True), (699.0, False)])
def test_growth_is_a_thousandfold(peak: float, grown: bool) -> None:
    assert ("growth" in seen(made_up.run(loss=[0.7, peak, 0.7, 0.6]))[0]) is grown


def test_a_loss_of_exactly_nothing() -> None:
    assert "zero-loss" in seen(made_up.run(loss=[0.0] * 30))[0]
    assert "zero-loss" not in seen(made_up.run(loss=[0.0] * 29 + [1e-9]))[0]


def test_a_loss_that_fell_below_zero_is_the_headline() -> None:
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    assert seen(made_up.run(of, loss=[0.9] * 5 + [-11.5] * 30))[1] == "negative-loss"
