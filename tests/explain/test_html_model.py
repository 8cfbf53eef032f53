"""The tables of layers and data, and the distribution of the predictions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.explain.html_findings import documentation, inline_pieces
from nanwatch.explain.html_model import (
    class_bars,
    layer_rows,
    output_boxes,
    sizes_words,
    spark,
    tensor_rows,
)
from nanwatch.explain.report import Report
from nanwatch.record.facts import ColumnSummary
from tests.explain import made_up_reports


def report(**facts: Any) -> Report:
    return Report(made_up.run(**facts), Diagnoses("not-learning"))


def test_the_layers_of_a_broken_run(tmp_path: Path) -> None:
    hidden, head = layer_rows(made_up_reports.broken(tmp_path))
    assert (hidden.path, hidden.made, hidden.weights) == ("dense", "16 · relu · (?, 16)", "256")
    assert (hidden.bad, hidden.first, hidden.guilty) == (("gradient",), False, ())
    assert (head.bad, head.first, head.guilty) == (("output", "gradient"), True, ("NW201",))
    assert head.gradient == "1 → NaN"


def test_a_layers_output_when_last_looked_at() -> None:
    health = {
        ("activation", "dense", "min"): [-9.0, 0.0],
        ("activation", "dense", "max"): [9.0, 2.5],
        ("activation", "dense", "num_zero"): [0.0, 8.0],
        ("activation", "dense", "size"): [32.0, 32.0],
    }
    (row,) = layer_rows(report(health=health))
    assert (row.output, row.zeros) == ("0 to 2.5", "25 %")
    (row,) = layer_rows(report())
    assert (row.output, row.zeros, row.gradient, row.spark) == ("", "", "", "")


@pytest.mark.parametrize(
    ("norms", "points"),
    [
        ([], ""),
        ([1.0], ""),
        ([math.nan, 0.0, math.inf], ""),
        ([1.0, 100.0], "0.0,20.0 96.0,2.0"),
        ([1.0, math.nan, 100.0], "0.0,20.0 96.0,2.0"),
        ([5.0, 5.0], "0.0,20.0 96.0,20.0"),
    ],
)
def test_a_small_curve(norms: list[float], points: str) -> None:
    assert spark(norms) == points


def test_a_small_curve_of_many_steps_is_thinned() -> None:
    assert len(spark([1.0 + step for step in range(1000)]).split()) <= 70


def test_the_data() -> None:
    inputs = [made_up.tensor("input", shape=(None, 8), num_nan=2, num_pos_inf=1, size=5120)]
    rows = tensor_rows(report(inputs=inputs, targets=[made_up.labels(0, 1)]))
    assert [(row.name, row.rows, row.range, row.bad) for row in rows] == [
        ("input", "640", "-3 to 3", "3 of 5,120"),
        ("target", "200", "0 to 1", "none"),
    ]
    assert rows[0].kind == "float32 (?, 8)"


def test_of_several_tensors_each_has_its_name() -> None:
    inputs = [made_up.tensor("input", path) for path in ("left", "right")]
    assert [row.name for row in tensor_rows(report(inputs=inputs))] == ["input left", "input right"]


def test_the_classes() -> None:
    target = made_up.tensor(
        "label", "output", integral=True, classes={"10": 50, "2": 100, "0": 50}, mean=1.0, std=1.0
    )
    ((path, bars),) = class_bars(report(targets=[target]))
    assert path == "output"
    assert [(bar.label, bar.said, bar.share) for bar in bars] == [
        ("0", "50 (25 %)", 0.5),
        ("2", "100 (50 %)", 1.0),
        ("10", "50 (25 %)", 0.5),
    ]
    assert class_bars(report(targets=[made_up.tensor("label", "output")])) == []


def test_the_predictions_of_each_unit() -> None:
    columns = (
        ColumnSummary(0, min=0.0, max=1.0, mean=0.5, std=0.25),
        ColumnSummary(1, min=0.0, max=0.5, mean=0.5, std=0.0, num_nan=3),
    )
    tensor = made_up.tensor("output", "output", columns=columns)
    ((path, low, high, boxes),) = output_boxes(report(predictions=[tensor]))
    assert (path, low, high) == ("output", "0", "1")
    first, second = boxes
    assert (first.low, first.inner_low, first.mean, first.inner_high, first.high) == (0, 25, 50, 75, 100)
    assert second.said == "0 to 0.5, mean 0.5, std 0, 3 not finite"
    assert second.high == 50


def test_predictions_that_are_all_the_same() -> None:
    tensor = made_up.tensor("output", "output", min=0.5, max=0.5, mean=0.5, std=0.0)
    ((_, _, _, (box,)),) = output_boxes(report(predictions=[tensor]))
    assert (box.label, box.low, box.mean, box.high) == ("unit 0", 50, 50, 50)


def test_a_shape_in_words() -> None:
    assert (sizes_words((None, 8, 8)), sizes_words(()), sizes_words(None)) == ("(?, 8, 8)", "()", "")


def test_the_documentation_in_pieces() -> None:
    found = list(documentation("NW201"))
    kinds = [kind for kind, _ in found]
    assert kinds[:3] == ["paragraph", "heading", "paragraph"]
    assert "code" in kinds
    assert list(documentation("NW000")) == []
    assert list(inline_pieces("see `a_b`, [the docs](https://keras.io).")) == [
        ("plain", "see "),
        ("code", "a_b"),
        ("plain", ", the docs (https://keras.io)."),
    ]
