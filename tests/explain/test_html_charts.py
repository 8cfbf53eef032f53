"""The numbers that the charts are drawn from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.explain import html_charts
from nanwatch.explain.html_charts import axis_frame, charts
from nanwatch.explain.report import Report
from nanwatch.record.events import EpochEnd
from tests.explain import made_up_reports
from tests.explain.html_reports import DEEP, deep, long


def chart(report: Report, name: str) -> dict[str, Any]:
    return next(each for each in charts(report) if each["name"] == name)


def test_what_is_not_finite_is_a_gap_with_a_word() -> None:
    report = made_up_reports.healthy(loss=[1.0, math.nan, math.inf, -math.inf, 1 / 3], epochs=[])
    (curve,) = chart(report, "loss")["curves"]
    assert curve["y"] == [1.0, None, None, None, 0.333333]
    assert curve["bad"] == [[1.0, "NaN"], [2.0, "inf"], [3.0, "-inf"]]
    assert "low" not in curve


def test_summed_up_steps_have_a_range() -> None:
    (curve,) = chart(long(), "loss")["curves"]
    assert curve["x"][15:18] == [15.0, 19.5, 27.5]
    assert curve["y"][15:18] == [2.0, 1.5, 1.5]
    assert (curve["low"][15:18], curve["high"][15:18]) == ([2.0, 1.25, 1.25], [2.0, 4.0, 4.0])
    assert len(curve["x"]) == 16 + 8 + 16


def test_epochs_stand_at_their_last_step(tmp_path: Path) -> None:
    report = deep()
    accuracy = chart(report, "log-accuracy")
    assert [(curve["label"], curve["x"][0], curve["x"][-1]) for curve in accuracy["curves"]] == [
        ("training", 19, 199),
        ("validation", 19, 199),
    ]
    assert axis_frame(report)["epochs"] == [20 * number + 19 for number in range(10)]


def test_the_record_of_an_epochs_end_outweighs_the_reckoning() -> None:
    report = made_up_reports.healthy()
    (fit,) = report.run.fits
    assert html_charts.step_of(EpochEnd(0, 0, {}, 20), 3.0) == 19
    assert html_charts.step_of(EpochEnd(0, 0), 3.0) == 3.0
    assert html_charts.step_of(EpochEnd(0, 0), -1.0) is None
    assert html_charts.epoch_ends(fit) == [49, 99]


@pytest.mark.parametrize(
    ("number", "drawn"), [(html_charts.LAYERS, 16), (html_charts.LAYERS + 1, 16), (3, 3)]
)
def test_at_most_so_many_layers_are_drawn(number: int, drawn: int) -> None:
    layers = [made_up.dense(f"dense_{n}") for n in range(number)]
    steps = {("gradient", layer.weights[0], "l2_norm"): [1.0, 2.0] for layer in layers}
    report = Report(made_up.run(made_up.model(*layers), loss=[1, 1], steps=steps), Diagnoses("healthy"))
    found = chart(report, "gradients")
    assert len(found["curves"]) == drawn
    assert found["curves"][0]["label"] == "dense_0"
    assert found["curves"][-1]["label"] == f"dense_{number - 1}"
    assert ("layers are drawn" in found["hint"]) == (number > drawn)


def test_a_layers_gradient_is_that_of_all_its_variables() -> None:
    steps = {("gradient", "dense/kernel", "l2_norm"): [3.0], ("gradient", "dense/bias", "l2_norm"): [4.0]}
    report = Report(made_up.run(loss=[1.0], steps=steps), Diagnoses("healthy"))
    (curve,) = chart(report, "gradients")["curves"]
    assert (curve["label"], curve["y"], curve["rank"]) == ("dense", [5.0], 0.0)


def test_depth_is_told_from_0_to_1() -> None:
    ranks = [curve["rank"] for curve in chart(deep(), "gradients")["curves"]]
    assert (ranks[0], ranks[-1], ranks) == (0.0, 1.0, sorted(ranks))
    assert len(html_charts.variables_by_layer(deep().run.fits[0])) == DEEP


def test_the_predictions_and_the_zeros() -> None:
    health = {
        ("output", "output", "mean"): [0.5, 0.5],
        ("output", "output", "min"): [0.1, 0.2],
        ("output", "output", "max"): [0.9, 0.8],
        ("output", "output", "row_std"): [0.2, 0.0],
        ("activation", "dense", "num_zero"): [0.0, 32.0],
        ("activation", "dense", "size"): [32.0, 32.0],
        ("activation", "other", "num_zero"): [0.0, 0.0],
        ("activation", "other", "size"): [32.0, 32.0],
    }
    report = Report(made_up.run(loss=[1.0, 1.0], health=health), Diagnoses("healthy"))
    means, spread = chart(report, "output-output")["curves"]
    assert (means["low"], means["y"], means["high"]) == ([0.1, 0.2], [0.5, 0.5], [0.9, 0.8])
    assert spread["y"] == [0.2, 0.0]
    (zeros,) = chart(report, "zeros")["curves"]
    assert (zeros["label"], zeros["y"]) == ("dense", [0.0, 1.0])


def test_what_has_no_point_has_no_chart() -> None:
    assert [each["name"] for each in charts(made_up_reports.healthy())] == ["loss", "log-accuracy"]
    assert charts(made_up_reports.healthy(loss=[], epochs=[], fit={"steps": 0})) == []


def test_the_bad_step_is_marked_in_its_own_training(tmp_path: Path) -> None:
    assert axis_frame(made_up_reports.broken(tmp_path))["incident"] == 40
    assert axis_frame(made_up_reports.healthy())["incident"] is None
