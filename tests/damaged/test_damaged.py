"""Folders made to do harm: each kind of attack by itself, and a few hundred damages at random."""

from __future__ import annotations

import functools
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.damaged import whole_runs
from tests.damaged.fuzzing import fuzz
from tests.damaged.mutations import LARGEST, SPARSE, files_in, make_a_socket
from tests.damaged.reading import in_a_process, tell

AT_RANDOM = 40  # folders, in each run of the tests
SEED = 20_250_102


def test_damages_at_random() -> None:
    found = fuzz(AT_RANDOM, SEED)
    assert not found.failures, "\n\n".join(found.failures)
    assert min(found.reports, found.sentences) > 2  # it does damage, and not all of it is fatal


def test_the_harness_notices() -> None:
    """A traceback, time and memory."""

    def work(kind: str) -> str:
        if kind == "memory":
            held = bytearray(400 * 2**20)
            return str(len(held))
        while kind == "time":
            pass
        raise KeyError(kind)

    assert "KeyError: 'raise'" in str(in_a_process(functools.partial(work, "raise")).wrong)
    assert in_a_process(functools.partial(work, "time"), cpu=1).wrong == "it takes more than 1 s of CPU"
    assert "MB" in str(in_a_process(functools.partial(work, "memory")).wrong)
    found = in_a_process(lambda: "all is well")
    assert (found.wrong, found.said) == (None, "all is well")


@pytest.mark.parametrize(("size", "chosen"), [(LARGEST, True), (LARGEST + 1, False)])
def test_what_was_made_too_large_is_not_damaged_again(size: int, chosen: bool, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    os.close(os.open(tmp_path / "fit-0.steps", os.O_CREAT))
    os.truncate(tmp_path / "fit-0.steps", size)
    assert (tmp_path / "fit-0.steps" in files_in(tmp_path)) == chosen


def told(folder: Path) -> str:
    """What comes of the folder: its sentence, or nothing where there is a report."""
    outcome = in_a_process(functools.partial(tell, folder))
    assert outcome.wrong is None
    return outcome.said


@pytest.fixture
def run(tmp_path: Path) -> Path:
    whole_runs.broken(tmp_path / "run")
    return tmp_path / "run"


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))


def as_before(run: Path) -> None:
    """The fits and models stand in run.json, as in the format before."""
    parts = {f"{kind}s": [json.loads((run / f"{kind}-0.json").read_text())] for kind in ("fit", "model")}
    changed(run / "run.json", lambda table: table.update(parts, nanwatch_format=2))


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "it is a link, and no file"),
        (
            lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), SPARSE),
            "it has 21,474,836,480 bytes, and 25,165,824 are the most that it may have",
        ),
        (
            lambda path: path.write_bytes(b'{"fits": [' + b"[]," * 1_000_000 + b"[]]}"),
            "it has 2,000,004 values or more, and 2,000,000 are the most that it may have",
        ),
    ],
    ids=["link", "sparse", "values"],
)
def test_what_stands_in_the_place_of_run_json(run: Path, make: Callable[[Path], object], what: str) -> None:
    (run / "run.json").unlink()
    make(run / "run.json")
    assert told(run) == f"{run / 'run.json'} is not a run of nanwatch: {what}."


@pytest.mark.parametrize(
    "name", ["events.jsonl", "trials.json", "sources.json", "fit-0.json", "fit-0.steps", "fit-0.health"]
)
@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "socket", "sparse"])
def test_what_stands_in_the_place_of_another_file(run: Path, name: str, kind: str) -> None:
    path = run / name
    if kind == "sparse":
        os.truncate(path, SPARSE)
    elif kind == "socket":
        make_a_socket(random.Random(0), path)
    else:
        path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/zero")
    assert told(run) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1" + "0" * 10_000, "is not valid JSON"),
        ("1" + "0" * 4000, "fits[0].steps: a number is too large"),
        ("9223372036854775808", "fits[0].steps: a number is too large"),
        ("1e400", "fits[0].steps: a whole number was expected, not float"),
        ("NaN", "fits[0].steps: a whole number was expected, not float"),
        ("[" * 500 + "]" * 500, "is not valid JSON"),
        ("[" * 100 + "]" * 100, "fits[0].steps: a whole number was expected, not list"),
        ('"' + "x" * 2**20 + '"', "fits[0].steps: a whole number was expected, not str"),
    ],
)
def test_a_number_that_is_none(run: Path, value: str, said: str) -> None:
    as_before(run)
    path = run / "run.json"
    changed(path, lambda table: table["fits"][0].update(steps=987654321))
    path.write_text(path.read_text().replace("987654321", value))
    assert said in told(run)


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1" + "0" * 300, "null"])
@pytest.mark.parametrize("field", ["seconds", "watch_seconds", "validation_split", "guess_loss"])
def test_a_number_out_of_all_bounds(run: Path, field: str, value: str) -> None:
    path = run / "fit-0.json"
    changed(path, lambda table: table.update({field: 987654321.5}))
    path.write_text(path.read_text().replace("987654321.5", value))
    assert told(run) == "" or value == "null"


@pytest.mark.parametrize("depth", [100, 500])
def test_a_config_that_is_nested_and_long(run: Path, depth: int) -> None:
    nested: Any = "x" * 2**20
    for _ in range(depth):
        nested = {"a": nested}
    changed(run / "model-0.json", lambda table: table["layers"][0].update(config=nested, name="x" * 2**20))
    assert told(run) == ""


def test_ten_thousand_trainings(run: Path) -> None:
    def many(table: dict[str, Any]) -> None:
        table["fits"] = [{**table["fits"][0], "index": number} for number in range(10_000)]

    as_before(run)
    changed(run / "run.json", many)
    assert told(run) == ""


def test_ten_thousand_files_of_trainings(run: Path) -> None:
    for number in range(1, 10_000):
        os.link(run / "fit-0.json", run / f"fit-{number}.json")
    assert told(run) == ""


def test_a_thousand_parts(run: Path) -> None:
    """Each as large as a process's record may be: together they are larger than any run's."""
    changed(run / "run.json", lambda table: table.update(devices=["x" * 1000] * 20_000))
    (run / "part-0").mkdir()
    (run / "run.json").rename(run / "part-0" / "run.json")
    whole_runs.broken(run.with_name("other"))
    (run.with_name("other") / "run.json").rename(run / "run.json")
    for number in range(1, 1000):
        (run / f"part-{number}").mkdir()
        os.link(run / "part-0" / "run.json", run / f"part-{number}" / "run.json")
    assert told(run) == ""


def test_lines_of_events_that_are_none_are_counted(run: Path) -> None:
    from nanwatch.record.read import read_run

    with open(run / "events.jsonl", "ab") as file:
        file.write(b"{}\n[\n" + b'{"kind": "fit_end", "fit": 0, "status": "fin')
    assert list(read_run(run).damage) == ["2 lines of events.jsonl could not be read"]


def test_two_trainings_of_one_number(run: Path) -> None:
    from nanwatch.record.read import read_run

    as_before(run)
    changed(run / "run.json", lambda table: table.update(fits=[table["fits"][0]] * 2 + [{"index": -1}]))
    found = read_run(run)
    assert len(found.fits) == 1
    assert list(found.damage) == ["2 of 3 trainings have no number of their own"]
