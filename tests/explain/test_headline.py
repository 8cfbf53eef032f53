"""The headline, beside all else that a report says: of every made-up run, and where they contradicted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.accepted import Choice
from nanwatch.diagnose.rule import all_rules
from nanwatch.explain.headline import headline
from nanwatch.explain.reporting import report_of
from nanwatch.record.facts import DataInfo
from nanwatch.record.run import Run
from tests.contradictions import contradictions

FALLING = [0.7 - 0.006 * step for step in range(100)]


def made_up_runs() -> list[Any]:
    return [
        pytest.param(run, id=f"{rule.code}-{which}-{number}")
        for rule in all_rules()
        for which in ("fires", "silent")
        for number, run in enumerate(getattr(rule, which)())
    ]


@pytest.mark.parametrize("run", made_up_runs())
def test_no_report_contradicts_itself(run: Run) -> None:
    assert contradictions(report_of(run)) == []


def classifier(activation: str = "sigmoid", **facts: Any) -> Run:
    of = made_up.model(made_up.dense(activation=activation), loss="binary_crossentropy")
    return made_up.run(of, **{"targets": [made_up.labels(0, 1)], "loss": FALLING, **facts})


def epochs(number: int, **logs: float) -> list[dict[str, float]]:
    return [{"loss": 0.5 - 0.05 * epoch, **logs} for epoch in range(number)]


def told(run: Run) -> tuple[str, str]:
    report = report_of(run)
    assert contradictions(report) == []
    return headline(report).tone, headline(report).said


def test_a_fault_beside_a_good_accuracy_is_no_failure_to_learn() -> None:
    run = classifier("relu", loss=[*[2.9] * 5, *FALLING], epochs=epochs(8, accuracy=0.91))
    assert told(run) == ("broken", "The training has a fault: NW201 relu-output.")


def test_little_skill_has_no_tick() -> None:
    tone, said = told(classifier(loss=[0.69] * 200))
    assert tone == "open"
    assert said.startswith("No fault was found, but the training is little better than guessing: ")


@pytest.mark.parametrize("shares", [False, True])
def test_labels_that_are_shares_have_no_loss_of_zero(shares: bool) -> None:
    label = made_up.tensor("label", "output", min=0.1, max=0.9) if shares else made_up.labels(0, 1)
    assert told(classifier(targets=[label], loss=[0.7, *[0.6] * 200]))[0] == ("well" if shares else "open")


@pytest.mark.parametrize(
    ("validated", "well"), [(6.9, True), (7.0, False), (1.5e7, False), (math.inf, None), (math.nan, None)]
)
def test_a_validation_loss_out_of_all_proportion(validated: float, well: bool | None) -> None:
    tone, said = told(classifier(epochs=epochs(8, val_loss=validated, val_accuracy=0.8)))
    if well is None:
        assert tone == "broken"
    elif well:
        assert (tone, said) == ("well", "Nothing found.")
    else:
        words = f"val_loss ends at {validated:.4g}, where a constant answer costs 0.6931"
        assert (tone, said) == ("open", f"No fault was found, but {words.replace('1.5e+07', '1.5e+07')}.")


@pytest.mark.parametrize(("ended", "tone"), [(0.99e5, "well"), (1.2e6, "open")])
def test_a_loss_of_unknown_scale_that_is_large(ended: float, tone: str) -> None:
    of = made_up.model(loss="mean_absolute_percentage_error")
    found = told(made_up.run(of, loss=[ended * 1.01, *[ended] * 150]))
    assert found[0] == tone
    assert tone == "well" or found[1] == "No fault was found, but its loss ends at 1.2e+06."


def test_a_metric_that_is_nan_in_every_epoch() -> None:
    said = "No fault was found, but some of its numbers are NaN or infinite: auc in 8 of 8 epochs."
    assert told(classifier(epochs=epochs(8, auc=math.nan))) == ("open", said)


@pytest.mark.parametrize("masked", [False, True])
def test_nan_in_the_validation_data(masked: bool) -> None:
    bad = DataInfo((made_up.tensor("input", num_nan=3),))
    trained = made_up.tensor("input", num_nan=1 if masked else 0)
    fit = {"validation": True, "validation_data": bad}
    found = told(classifier(inputs=[trained], epochs=epochs(8, val_loss=0.03), fit=fit))
    name = "NW118 nonfinite-validation-data"
    said = f"No fault was found. Noted: {name}, NW101 nonfinite-input."
    assert found == (("well", said) if masked else ("broken", f"The training has a fault: {name}."))


def test_no_epoch_was_better_than_guessing_in_validation() -> None:
    label = made_up.labels(0, 1)
    logs = [{"loss": 0.5 - 0.08 * epoch, "val_loss": 0.72} for epoch in range(6)]
    fit = {"validation": True, "validation_data": DataInfo(labels=(label,))}
    tone, said = told(classifier(epochs=logs, fit=fit))
    assert (tone, said) == (
        "open",
        "No fault was found, but none of the 6 epochs was better than guessing in validation.",
    )


def test_what_is_left_out_is_no_fault_of_the_headline() -> None:
    run = classifier("relu", epochs=epochs(8, accuracy=0.91))
    left_out = report_of(run, Choice(ignore=frozenset({"NW201", "NW509"})))
    assert headline(left_out).said == "Nothing found."
    assert contradictions(left_out) == []


def test_of_many_trainings_the_doubtful_one_is_told() -> None:
    well, vain = classifier(), classifier(loss=[0.69] * 200)
    second = replace(vain.fits[0], info=replace(vain.fits[0].info, index=1, steps=200))
    first = replace(well.fits[0], info=replace(well.fits[0].info, steps=9000))
    run = replace(well, fits=(first, second))
    assert told(run)[0] == "open"
