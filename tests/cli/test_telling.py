"""Which findings are told, and the exit status: by options, the environment and pyproject.toml alike."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.baseline import write_baseline
from nanwatch.diagnose.engine import diagnose
from nanwatch.record.read import find_run, read_run
from tests.cli import saved_runs
from tests.side_by_side import MODULE, Ended, ended, ended_warm

TABLE = "[tool.nanwatch]\n"


def explain(project: Path, *arguments: str, **environment: str) -> Ended:
    return ended(project, *MODULE, "explain", "--format", "json", *arguments, stdin=b"", **environment)


def codes(result: Ended) -> list[str]:
    return [found["code"] for found in json.loads(result.stdout)["diagnoses"]]


def left_out(result: Ended) -> list[str]:
    accepted: list[str] = json.loads(result.stdout)["cost"]["accepted"]
    return accepted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    saved_runs.broken(tmp_path)
    return tmp_path


def settings(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(TABLE + text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 0),
        ('fail-on = "error"\n', 3),
        ('fail-on = "never"\n', 0),
        ('fail-on = "error"\nignore = ["NW201", "NW4"]\n', 0),
        ('fail-on = "error"\nselect = ["NW5"]\n', 0),
        ('fail-on = "error"\nselect = ["relu-output"]\n', 3),
    ],
)
def test_explain_takes_the_settings(text: str, status: int, project: Path) -> None:
    settings(project, text)
    result = explain(project)
    assert (result.status, result.stderr) == (status, b"")
    assert ("NW201" in codes(result)) is not ("ignore" in text or "NW5" in text)
    if "ignore" in text:
        assert any(text.endswith("train.py:7 (ignored)") for text in left_out(result))


def test_the_environment_is_over_the_table_and_an_option_over_both(project: Path) -> None:
    settings(project, 'ignore = ["NW201", "NW4"]\nfail-on = "error"\n')
    variables = {"NANWATCH_IGNORE": "NW1", "NANWATCH_FAIL_ON": "warning"}
    assert explain(project).status == 0
    assert explain(project, **variables).status == 3
    assert explain(project, "--ignore", "NW201,NW4", **variables).status == 0
    assert explain(project, "--fail-on", "never", **variables).status == 0


def test_a_baseline_counts_for_explain(project: Path) -> None:
    run = read_run(find_run(project / "logs"))
    write_baseline(project / "known.json", diagnose(run), run)
    assert codes(explain(project)) != []
    result = explain(project, "--baseline", "known.json", "--fail-on", "note")
    assert (result.status, codes(result)) == (0, [])
    settings(project, 'baseline = "known.json"\n')
    assert codes(explain(project)) == []
    live = ended(project, *MODULE, "live", "logs/20250102T030405Z-train-7")
    assert b"NW201" not in live.stdout


def test_a_comment_on_the_line_counts_for_explain(tmp_path: Path) -> None:
    comment = "# nanwatch: ignore[NW201] on purpose"
    head = replace(made_up.dense("head", 5, "relu"), location=made_up.line(7, f"Dense(5)  {comment}"))
    run = made_up.run(made_up.model(head, loss="categorical_crossentropy"), loss=[1.6] * 40 + [math.nan])
    saved_runs.save(run, tmp_path / "logs" / "one")
    result = explain(tmp_path)
    assert "NW201" not in codes(result)
    assert any(text.endswith(":7 (ignored at its line: on purpose)") for text in left_out(result))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("explain", "There is no rule NW999"),
        ("live", "There is no rule NW999"),
        ("run", "There is no rule NW999"),
    ],
)
def test_a_code_that_is_none_is_said_at_once(command: str, said: str, project: Path) -> None:
    settings(project, 'ignore = ["NW999"]\n')
    result = ended(project, *MODULE, command, *(["train.py"] if command == "run" else ["logs"]))
    assert (result.status, result.stdout) == (2, b"")
    assert said in result.stderr.decode()
    assert result.stderr.count(b"\n") == 1
    assert len(list((project / "logs").glob("*/run.json"))) == 1


TRAINING = """
import keras
import numpy as np

x = np.random.default_rng(1).normal(size=(64, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
y[43] = np.nan
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x, y, shuffle=False, batch_size=8, verbose=0)
print("trained")
"""


@pytest.mark.tensorflow
def test_run_takes_the_same_settings(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING)
    found: dict[str, Any] = {}
    for name, table in {
        "fails": 'fail-on = "error"',
        "ignored": 'fail-on = "note"\nselect = ["NW5"]',
    }.items():
        settings(tmp_path, f'on-incident = "continue"\n{table}\n')
        found[name] = ended_warm(tmp_path, *MODULE, "run", "train.py")
    assert [(one.status, one.stdout) for one in found.values()] == [(3, b"trained\n"), (0, b"trained\n")]
    said = {name: one.stderr.decode() for name, one in found.items()}
    assert "NW103 nonfinite-target" in said["fails"]
    assert said["ignored"].count("NW103") == 1
    assert "left out: NW103 nonfinite-target" in " ".join(said["ignored"].split())
