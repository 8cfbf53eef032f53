"""What is certain from the model and its data alone, and told before it shows."""

from __future__ import annotations

import math
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.readings import guess_loss
from nanwatch.diagnose.rule import find_rule
from nanwatch.diagnose.rules import nw107_label_out_of_range as nw107
from nanwatch.diagnose.rules import nw112_embedding_index_out_of_range as nw112
from nanwatch.record.facts import ColumnSummary
from nanwatch.record.run import Run

LEARNING = [0.7 - 0.006 * step for step in range(100)]


def only(code: str, run: Run) -> Finding:
    (finding,) = find_rule(code).diagnose(run.fits[0], run)
    return finding


@pytest.mark.parametrize(
    ("activation", "facts", "level"),
    [
        ("relu", {"loss": [0.7] * 20, "fit": {"cut_short": True}}, "error"),
        ("relu", {"loss": LEARNING[1:]}, "error"),
        ("relu", {"loss": LEARNING}, "warning"),
        ("elu", {"loss": [0.7] * 19, "fit": {"cut_short": True}}, "warning"),
    ],
)
def test_a_relu_head_is_told_before_it_breaks(activation: str, facts: dict[str, Any], level: str) -> None:
    of = made_up.model(made_up.dense(activation=activation), loss="binary_crossentropy")
    found = diagnose(made_up.run(of, targets=[made_up.labels(0, 1)], **facts))
    assert (found.outcome, found.diagnoses[0].code, found.diagnoses[0].level) == ("faulty", "NW201", level)


@pytest.mark.parametrize(("batch_size", "level"), [(149, "error"), (150, "note")])
def test_a_label_that_the_training_did_not_come_to(batch_size: int, level: str) -> None:
    run = nw107.classes_run(0, 1, 255, units=2, batch_size=batch_size)  # 300 rows, two steps
    assert only("NW107", run).level == level


@pytest.mark.parametrize(("batch_size", "level"), [(6, "error"), (7, "warning")])
def test_a_token_that_the_training_did_not_come_to(batch_size: int, level: str) -> None:
    run = nw112.tokens_run(1000, batch_size=batch_size)  # 640 rows, 100 steps
    assert only("NW112", run).level == level


def test_rows_of_several_ones_are_worth_what_their_means_are() -> None:
    columns = tuple(ColumnSummary(number, mean=0.4) for number in range(5))
    label = made_up.tensor("label", "output", shape=(None, 5), row_sum_max=2.0, columns=columns)
    of = made_up.model(made_up.dense(units=5, activation="softmax"), loss="categorical_crossentropy")
    run = made_up.run(of, targets=[label])
    assert guess_loss(run.fits[0], of.outputs[0]) == pytest.approx(2 * math.log(5))
