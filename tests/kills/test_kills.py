"""A short run of the kills; `python -m tests.kills` makes as many as are wanted."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.kills.real import judged, kill_once, marks_in
from tests.kills.writer import FIT, INCIDENT, STEP, kill_writer, wrong_with
from tests.record.test_read import write_run

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no process is killed like that here")
WRITERS = 12


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_writer_that_is_killed_leaves_what_it_has_told(tmp_path: Path) -> None:
    chance = random.Random(3)
    said = [kill_writer(tmp_path / str(number), chance) for number in range(WRITERS)]
    assert said == [None] * WRITERS


def test_what_is_lost_is_seen(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "logs" / "run")  # of 20 steps
    assert wrong_with(tmp_path / "logs", FIT + STEP * 20) is None
    assert wrong_with(tmp_path / "logs", FIT + STEP * 21) == "21 steps were recorded, and 20 are there"
    assert wrong_with(tmp_path / "logs", FIT * 2) == "2 fits were begun, and 1 are there"
    assert wrong_with(tmp_path / "logs", INCIDENT) == "the incident is lost"
    (folder / "fit-0.json").write_text("{")
    assert str(wrong_with(tmp_path / "logs", FIT)).startswith("damaged: fit-0.json could not be read")
    (folder / "run.json").write_text("{")
    assert str(wrong_with(tmp_path / "logs", FIT)).startswith("unreadable: RunUnreadable")


def test_what_a_training_has_lost_is_seen(tmp_path: Path) -> None:
    write_run(tmp_path / "logs" / "run")  # of 20 steps
    steps = [f"step {number / 10}" for number in range(30)]  # the 21st at 2.0
    (tmp_path / "progress").write_text("\n".join(["pid-1 0.0", *steps]))
    assert len(marks_in(tmp_path / "progress")) == 31
    assert judged("steps", tmp_path, 2.95).wrong is None
    assert judged("steps", tmp_path, 3.05).wrong == "steps of 1.05 s are lost"
    (tmp_path / "progress").write_text("pid-1 0.0\nsnapshot 1.0\n")
    assert judged("snapshot", tmp_path, 1.5).wrong == "the incident is lost"


@pytest.mark.tensorflow
@pytest.mark.parametrize("stage", ["snapshot", "autopsy"])
def test_a_training_that_is_killed(stage: str, tmp_path: Path) -> None:
    outcome = kill_once(stage, tmp_path, random.Random(5))
    assert (outcome.wrong, outcome.stage) == (None, stage)
