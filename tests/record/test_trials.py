"""trials.json: written and read by the same classes; a trial at fault costs no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Trial, TrialOutcome, read_trials, write_trials

TRIALS = [
    Trial(
        Intervention(InterventionKind.SET_ACTIVATION, "dense", "softmax"),
        "cured",
        TrialOutcome(False, 0),
        TrialOutcome(True, 30, 0.69),
        30,
    ),
    Trial(
        Intervention(InterventionKind.DROP_NONFINITE_ROWS, "0", (3, 11)),
        "not-cured",
        TrialOutcome(False, 2, 0.7),
        TrialOutcome(False, 3, 0.6),
        30,
    ),
    Trial(
        Intervention(InterventionKind.USE_LOGITS, "Log"),
        "not-reproduced",
        TrialOutcome(True, 30, 0.7),
        TrialOutcome(True, 30, 0.7),
        30,
    ),
    Trial(
        Intervention(InterventionKind.ADD_EPSILON, "Log", 1e-7),
        "cured",
        TrialOutcome(False, 0, raised="InvalidArgumentError"),
        TrialOutcome(True, 1, 0.7),
        1,
        at_op=True,
    ),
]


def test_trials_come_back(tmp_path: Path) -> None:
    write_trials(tmp_path, TRIALS)
    damage: list[str] = []
    assert read_trials(tmp_path, damage) == TRIALS
    assert damage == []


def test_there_may_be_none(tmp_path: Path) -> None:
    damage: list[str] = []
    assert read_trials(tmp_path, damage) == []
    assert damage == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"verdict": "healed"}, "verdict: 'healed' is none of cured, not-cured, not-reproduced"),
        ({"steps": "30"}, "steps: a whole number was expected, not str"),
        ({"before": {"loss": 1.0}}, "before has no finite"),
        ({"after": None}, "after: a table was expected, not NoneType"),
        ({"intervention": {"kind": "pray", "target": ""}}, "intervention.kind: 'pray' is none of "),
    ],
)
def test_one_that_cannot_be_read(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    write_trials(tmp_path, TRIALS)
    tables = json.loads((tmp_path / "trials.json").read_text())["trials"]
    tables[1] |= changed
    (tmp_path / "trials.json").write_text(json.dumps({"trials": tables}))
    damage: list[str] = []
    assert read_trials(tmp_path, damage) == [TRIALS[0], *TRIALS[2:]]
    (line,) = damage
    assert line.startswith(f"trial 1 of trials.json could not be read: {said}")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"trials": 3}', '{"trials": [', "[" * 100_000, "\xff"])
def test_a_file_of_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "trials.json").write_bytes(text.encode("latin-1"))
    damage: list[str] = []
    assert read_trials(tmp_path, damage) == []
    (line,) = damage
    assert line.startswith("trials.json could not be read: ")
