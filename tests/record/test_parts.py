"""A run of several processes: one part a process, and all of them read as one run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from nanwatch.diagnose.engine import diagnose
from nanwatch.record.facts import FitInfo, IncidentInfo, ModelInfo, RunInfo
from nanwatch.record.follow import Follower
from nanwatch.record.notes import ChildNotWatched, OtherKeras
from nanwatch.record.parts import UNSEEN_FILE, UNSEEN_LIMIT, make_room, new_part, parts_of, read_unseen
from nanwatch.record.read import find_run, read_run
from nanwatch.record.run import Run
from nanwatch.record.write import RunWriter
from tests.record.test_read import write_run

GONE = 2**22 + 1  # no process has a number as high


def write_part(folder: Path, info: RunInfo) -> Path:
    folder.mkdir()
    writer = RunWriter(folder)
    writer.save(info)
    writer.close()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of one fit, and two parts: the later one by its name began first."""
    place = write_run(tmp_path / "run")
    fits = (FitInfo(0, steps=3, status="finished"), FitInfo(1, model=1, steps=4, status="halted"))
    models = (ModelInfo("a", "A"), ModelInfo("b", "B"))
    first = RunInfo("/p/worker.py", pid=9, started="1", models=models, fits=fits)
    incident = IncidentInfo(fit=1, step=3, epoch=0, role="loss")
    write_part(place / "part-9", replace(first, incident=incident, not_watched=(OtherKeras(),)))
    write_part(place / "part-8", RunInfo("/p/train.py", pid=8, started="2", models=models[:1], fits=fits[:1]))
    return place


def test_the_parts_are_read_with_the_run(folder: Path) -> None:
    run = read_run(folder)
    assert [(fit.info.index, fit.info.steps, fit.model.name) for fit in run.fits] == [
        (0, 20, "model"),
        (1, 3, "a"),
        (2, 4, "b"),
        (3, 3, "a"),
    ]
    assert [fit.info.model for fit in run.fits] == [0, 1, 2, 3]
    assert [model.name for model in run.info.models] == ["model", "a", "b", "a"]
    assert [part.info.pid for part in run.parts] == [9, 8]
    assert run.info.incident is not None
    assert (run.info.incident.fit, run.info.incident.step) == (2, 3)
    assert run.info.not_watched == (OtherKeras(),)
    assert [part and part.info.pid for part in map(run.part_of, range(4))] == [None, 9, 9, 8]
    assert run.part_of_incident() is run.parts[0]
    assert diagnose(run).outcome == "non-finite"
    assert (run.info.script, run.folder) == ("/p/train.py", folder)


def test_the_incident_of_the_script_comes_first(folder: Path) -> None:
    own = json.loads((folder / "run.json").read_text())
    own["incident"] = {"fit": 0, "step": 5, "epoch": 0, "role": "loss"}
    (folder / "run.json").write_text(json.dumps(own))
    run = read_run(folder)
    assert run.info.incident is not None
    assert run.info.incident.step == 5
    assert run.part_of_incident() is None
    assert run.parts[0].info.incident is not None  # by which its own fits are judged


def test_a_part_can_be_read_alone(folder: Path) -> None:
    run = read_run(find_run(folder / "part-9"))
    assert [fit.info.index for fit in run.fits] == [0, 1]
    assert find_run(folder.parent) == folder


def test_a_part_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "part-8" / "run.json").write_text("{")
    (folder / "part-7").mkdir()
    write_part(folder / "part-6", RunInfo("w.py", fits=(FitInfo(0),))).joinpath("fit-0.steps").write_text("x")
    damage = list(read_run(folder).damage)
    assert len(damage) == 3
    assert damage[0].startswith("part-6: fit-0.steps could not be read: ")
    assert damage[1].startswith("part-7 could not be read: No run.json in ")
    assert damage[2].startswith("part-8 could not be read: ")
    assert damage[2].endswith("Run the script again")


def test_a_link_is_no_part(folder: Path, tmp_path: Path) -> None:
    os.symlink(write_run(tmp_path / "else"), folder / "part-1")
    (folder / "part-2").write_text("a file")
    assert [place.name for place in parts_of(folder)] == ["part-8", "part-9"]
    assert parts_of(tmp_path / "nowhere") == []


def test_a_number_that_comes_again_has_a_part_of_its_own(tmp_path: Path) -> None:
    names = [new_part(tmp_path).name for _ in range(3)]
    assert names == [f"part-{os.getpid()}{behind}" for behind in ("", "-1", "-2")]


def test_parts_are_followed_while_they_are_written(folder: Path) -> None:
    follower = Follower(folder)
    changed = []
    for _ in range(2):
        assert [fit.info.index for fit in follower.read().fits] == [0, 1, 2, 3]
        changed.append(follower.changed)
    assert changed == [True, False]
    write_part(folder / "part-3", RunInfo("w.py", started="3", fits=(FitInfo(0, steps=7),)))
    found: Run = follower.read()
    assert follower.changed
    assert (found.fits[-1].info.index, found.fits[-1].info.steps) == (4, 7)


@pytest.mark.parametrize(
    ("info", "stays"),
    [
        (RunInfo("w.py", pid=GONE), False),
        (RunInfo("w.py", pid=os.getpid()), True),
        (RunInfo("w.py", pid=GONE, incident=IncidentInfo(0, 1, 0, "loss")), True),
        (RunInfo("w.py"), True),  # no number: nobody can tell
    ],
)
def test_of_many_parts_the_old_ones_give_up_their_steps(tmp_path: Path, info: RunInfo, stays: bool) -> None:
    for number, each in enumerate([info, RunInfo("w.py"), RunInfo("w.py")]):
        part = write_part(tmp_path / f"part-{9 - number}", each)
        (part / "fit-0.steps").write_text("")
        os.utime(part, (number, number))
    make_room(tmp_path, 3)
    assert len(list(tmp_path.glob("part-*/fit-0.steps"))) == 3
    make_room(tmp_path, 2)
    assert (tmp_path / "part-9" / "fit-0.steps").exists() == stays
    assert len(list(tmp_path.glob("part-*/fit-0.steps"))) == 2 + stays


def test_children_that_were_not_seen(tmp_path: Path) -> None:
    told = {"kind": "child-not-watched", "command": "python -I w.py", "option": "-I"}
    lines = [json.dumps(told), json.dumps(told), "{", "[]", json.dumps({"kind": "child-not-watched"})]
    (tmp_path / UNSEEN_FILE).write_text("\n".join([*lines, '{"command": "py w.py"}', '{"command": "torn']))
    found = list(read_unseen(tmp_path))
    assert found == [ChildNotWatched("python -I w.py", "-I"), ChildNotWatched("py w.py")]


def test_of_a_long_list_of_them_the_beginning_is_read(tmp_path: Path) -> None:
    line = json.dumps({"command": "python -I w.py"}) + "\n"
    (tmp_path / UNSEEN_FILE).write_text(line * UNSEEN_LIMIT)
    assert list(read_unseen(tmp_path)) == [ChildNotWatched("python -I w.py")]
    (tmp_path / UNSEEN_FILE).unlink()
    (tmp_path / UNSEEN_FILE).mkdir()
    assert list(read_unseen(tmp_path)) == []
