"""Finding and reading a run: every way it can be missing or damaged has its sentence."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from nanwatch.errors import RunNotFound, RunUnreadable
from nanwatch.record.events import EpochEnd, FitBegin
from nanwatch.record.facts import FitInfo, ModelInfo, RunInfo
from nanwatch.record.read import find_run, read_run
from nanwatch.record.series import SeriesShape
from nanwatch.record.write import RunWriter, new_folder
from tests.record.naive_series import COLUMNS, packed, row_of

NOT_WHOLE = "is not valid JSON: it is cut off, or not written by nanwatch. Run the script again."


def write_run(folder: Path, rows: int = 20) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    writer = RunWriter(folder)
    model = ModelInfo("model", "Sequential")
    fit = FitInfo(0, steps=rows, status="running")
    writer.save(RunInfo("/p/train.py", ("/p/train.py",), "/p", models=(model,), fits=(fit,)))
    writer.events.append(FitBegin(0))
    writer.events.append(EpochEnd(0, 0, {"loss": math.nan}))
    writer.events.append(EpochEnd(1, 0, {"loss": 1.0}))
    series = writer.series(0, "steps", COLUMNS, SeriesShape(4, 16, 0, 0, 8))
    for number in range(rows):
        series.append(packed(*row_of(number)))
    writer.close()  # the series is left open, as by a kill: what was written is there
    return folder


def test_a_run_comes_back_without_having_been_closed(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run"))
    assert run.info.script == "/p/train.py"
    assert run.folder == tmp_path / "run"
    assert list(run.damage) == []
    fit = run.fits[0]
    assert fit.model.type == "Sequential"
    assert fit.steps.recent_values("loss", last=2) == [row_of(18)[1], row_of(19)[1]]
    assert [math.isnan(logs["loss"]) for logs in fit.epoch_logs()] == [True]


def test_a_run_without_series_or_events_is_read(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "events.jsonl").unlink()
    (folder / "fit-0.steps").unlink()
    run = read_run(folder)
    assert len(run.fits[0].steps) == 0
    assert list(run.damage) == []


def test_a_series_that_is_cut_short_is_named_and_left_out(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    os.truncate(folder / "fit-0.steps", 300)
    (folder / "trials.json").write_text('{"trials": [')
    run = read_run(folder)
    assert len(run.fits[0].steps) == 0
    assert run.damage[0] == "fit-0.steps could not be read: cut short"
    assert run.damage[1].startswith("trials.json could not be read: ")
    assert len(run.damage) == 2


def test_a_run_json_cut_anywhere_is_a_sentence(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    path = folder / "run.json"
    whole = path.read_bytes()
    for length in range(len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(RunUnreadable) as caught:
            read_run(folder)
        assert str(caught.value) == f"{path} {NOT_WHOLE}"
    path.write_bytes(whole[:-1])
    assert read_run(folder).info.script == "/p/train.py"


def test_a_kill_between_writing_and_replacing_leaves_the_old_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "run.json.new").write_text('{"nanwatch_format": 2, "scr')
    assert read_run(folder).info.script == "/p/train.py"


FOREIGN = [
    ("[]", "is not a run of nanwatch: it has no nanwatch_format."),
    ('{"version": 2}', "is not a run of nanwatch: it has no nanwatch_format."),
    ('{"nanwatch_format": "1"}', "is not a run of nanwatch: its nanwatch_format is not a number."),
    ('{"nanwatch_format": true}', "is not a run of nanwatch: its nanwatch_format is not a number."),
    ('{"nanwatch_format": 2.0}', "is not a run of nanwatch: its nanwatch_format is not a number."),
    (
        '{"nanwatch_format": 4, "script": "a"}',
        "has format 4, newer than the 3 this nanwatch reads; upgrade nanwatch.",
    ),
    (
        '{"nanwatch_format": 1, "script": "a"}',
        "has format 1, older than the 2 this nanwatch reads; run the script again.",
    ),
    (
        '{"nanwatch_format": 2, "script": "a", "fits": 3}',
        "cannot be read as a run: fits: a list was expected, not int.",
    ),
    (
        '{"nanwatch_format": 2, "script": "a", "versions": [1]}',
        "cannot be read as a run: versions: a table was expected, not list.",
    ),
    (
        '{"nanwatch_format": 2, "script": "a", "fits": [{"index": 0}, {"index": "1"}]}',
        "cannot be read as a run: fits[1].index: a whole number was expected, not str.",
    ),
    ('{"nanwatch_format": 2, "argv": []}', "cannot be read as a run: RunInfo has no script."),
    (
        '{"nanwatch_format": 2, "script": "a", "status": "well"}',
        "cannot be read as a run: status: 'well' is none of running, finished, halted, crashed, killed.",
    ),
    ("[" * 100_000, NOT_WHOLE),
]


@pytest.mark.parametrize(("text", "said"), FOREIGN, ids=range(len(FOREIGN)))
def test_a_foreign_run_json(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunUnreadable) as caught:
        read_run(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'run.json'} {said}"


def test_a_key_of_a_later_nanwatch_is_passed_over(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    table = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**table, "colour": "red"}))
    assert read_run(folder).info.script == "/p/train.py"


def test_the_newest_run_is_taken(tmp_path: Path) -> None:
    for name in ("20250101T000000Z-b-9", "20250301T000000Z-a-3", "20250201T000000Z-c-5"):
        write_run(tmp_path / name)
    assert find_run(tmp_path).name == "20250301T000000Z-a-3"
    assert find_run(tmp_path / "20250201T000000Z-c-5").name == "20250201T000000Z-c-5"


def test_a_folder_that_was_renamed_keeps_its_place_in_time(tmp_path: Path) -> None:
    write_run(tmp_path / "20250101T000000Z-a-3")
    write_run(tmp_path / "the good one")
    assert find_run(tmp_path).name == "the good one"
    os.utime(tmp_path / "the good one" / "run.json", (0, 0))
    assert find_run(tmp_path).name == "20250101T000000Z-a-3"


def test_of_two_runs_of_one_second_the_one_written_last_is_taken(tmp_path: Path) -> None:
    names = ("20250101T000000Z-a-30", "20250101T000000Z-a-4")
    for name in names:
        write_run(tmp_path / name)
    for name, time in zip(names, (200, 100), strict=True):
        os.utime(tmp_path / name / "run.json", (time, time))
    assert find_run(tmp_path).name == "20250101T000000Z-a-30"


def test_places_without_a_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for place, said in [
        (
            "none",
            "There is no folder {}; `nanwatch run SCRIPT` writes one "
            "(logs/ unless --log-dir says otherwise).",
        ),
        ("file", "{} is a file; give a run folder, or the folder with the runs."),
        (
            "empty",
            "No run in {}: no folder below it has a run.json; `nanwatch run SCRIPT` writes one.",
        ),
        ("a" * 300, "{} cannot be read: File name too long."),
    ]:
        with pytest.raises(RunNotFound) as caught:
            find_run(tmp_path / place)
        assert str(caught.value) == said.format(tmp_path / place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_one_may_not_read(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(RunNotFound) as caught:
        find_run(tmp_path / "closed")
    assert str(caught.value) == f"{tmp_path / 'closed'} cannot be read: Permission denied."


def test_new_folder_never_takes_a_name_twice(tmp_path: Path) -> None:
    names = {new_folder(tmp_path / "logs", "my script!.py").name for _ in range(3)}
    assert len(names) == 3
    assert all("-my_script_-" in name for name in names)
