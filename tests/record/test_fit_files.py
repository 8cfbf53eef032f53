"""One file a fit and a model, a line for what is kept in short, and what may be wrong with them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from nanwatch.record import fit_files
from nanwatch.record.facts import FitInfo, Location, ModelInfo, RunInfo
from nanwatch.record.fit_files import FitFiles, in_short
from nanwatch.record.follow import Follower
from nanwatch.record.read import read_info, read_run
from nanwatch.record.tables import to_table
from nanwatch.record.write import RunWriter

FIT = FitInfo(
    3, "tape", 1, "finished", 20, 2, batch_size=8, location=Location("/p/t.py", 3, "fit()"), seconds=1.5
)
RUN = RunInfo("/p/train.py", models=(ModelInfo("a", "A"), ModelInfo("b", "B")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three fits, of which the first is kept in short."""
    writer = RunWriter(tmp_path)
    fits = [replace(FIT, index=number, steps=number + 10) for number in range(3)]
    writer.save(replace(RUN, fits=tuple(fits)))
    writer.fits.shorten(fits[0])
    writer.close()
    return tmp_path


def test_what_is_kept_in_short(folder: Path) -> None:
    run = read_run(folder)
    assert [(fit.info.index, fit.info.steps, fit.info.brief) for fit in run.fits] == [
        (0, 10, True),
        (1, 11, False),
        (2, 12, False),
    ]
    assert run.fits[0].info == in_short(replace(FIT, index=0, steps=10))
    assert (run.fits[0].info.location, run.fits[0].info.seconds) == (FIT.location, 1.5)
    assert [fit.model.name for fit in run.fits] == ["b", "b", "b"]
    assert list(run.damage) == []
    assert Follower(folder).read().info == run.info


def test_run_json_does_not_grow_with_the_fits(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path)
    sizes = []
    for count in (1, 30):
        writer.save(replace(RUN, fits=tuple(replace(FIT, index=number) for number in range(count))))
        sizes.append((tmp_path / "run.json").stat().st_size)
    writer.close()
    assert sizes[0] == sizes[1] < 200
    assert read_info(tmp_path).fits == ()
    assert len(read_run(tmp_path).fits) == 30


def test_a_model_that_is_gone(folder: Path) -> None:
    FitFiles(folder).drop_model(1)
    assert [fit.model.name for fit in read_run(folder).fits] == ["unknown"] * 3
    FitFiles(folder).save_model(7, ModelInfo("c", "C"))
    FitFiles(folder).save_fit(replace(FIT, index=2, model=7))
    run = read_run(folder)
    assert [model.name for model in run.info.models] == ["a", "c"]
    assert [fit.model.name for fit in run.fits] == ["unknown", "unknown", "c"]


def test_a_fit_whose_line_was_written_and_whose_file_is_still_there(folder: Path) -> None:
    FitFiles(folder).save_fit(replace(FIT, index=0))
    assert [fit.info.brief for fit in read_run(folder).fits] == [False] * 3


def test_a_torn_line(folder: Path) -> None:
    with open(folder / "fits.jsonl", "ab") as file:
        file.write(b'{"index": 9, "sta')
    assert [fit.info.index for fit in read_run(folder).fits] == [0, 1, 2]


def test_the_lines_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = len(json.dumps(to_table(in_short(FIT)))) + 1
    monkeypatch.setattr(fit_files, "SHORT_LIMIT", 2 * line)
    writer = RunWriter(tmp_path)
    writer.save(RUN)
    for number in range(5):
        writer.fits.shorten(replace(FIT, index=number))
    writer.close()
    assert (tmp_path / "fits.jsonl").stat().st_size == 2 * line
    assert [fit.info.index for fit in read_run(tmp_path).fits] == [0, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"index": 1', "fit-1.json could not be read: Expecting ',' delimiter: line 1 column 12 (char 11)"),
        ("[]", "fit-1.json could not be read: FitInfo: a table was expected, not list"),
        ('{"index": "1"}', "fit-1.json could not be read: index: a whole number was expected, not str"),
    ],
)
def test_a_damaged_fit_is_left_out_and_named(folder: Path, text: str, said: str) -> None:
    (folder / "fit-1.json").write_text(text)
    run = read_run(folder)
    assert [fit.info.index for fit in run.fits] == [0, 2]
    assert list(run.damage) == [said]
    (folder / "fit-1.json").write_text("[" * 100_000)
    assert len(read_run(folder).damage) == 1


def test_the_number_is_that_of_the_file(folder: Path) -> None:
    (folder / "fit-1.json").write_text('{"index": 2, "steps": 5}')
    assert [(fit.info.index, fit.info.steps) for fit in read_run(folder).fits] == [(0, 10), (1, 5), (2, 12)]


def test_a_link_or_a_folder_is_no_fit(folder: Path) -> None:
    os.symlink(folder / "fit-1.json", folder / "fit-4.json")
    (folder / "fit-5.json").mkdir()
    run = read_run(folder)
    assert [fit.info.index for fit in run.fits] == [0, 1, 2]
    assert list(run.damage) == [
        "fit-4.json could not be read: it is a link, and no file",
        "fit-5.json could not be read: it is a folder, and no file",
    ]


def test_no_more_than_so_many_files_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_files, "MOST_IN_FULL", 1)
    run = read_run(folder)
    assert [fit.info.index for fit in run.fits] == [0, 2]
    assert list(run.damage) == ["1 fit is more than are read", "1 model is more than are read"]


def test_a_record_of_the_format_before_is_read(tmp_path: Path) -> None:
    info = replace(RUN, fits=(replace(FIT, index=0, model=0), replace(FIT, index=1, steps=7)))
    (tmp_path / "run.json").write_text(json.dumps({"nanwatch_format": 2, **to_table(info)}))
    run = read_run(tmp_path)
    assert run.info == info
    assert [(fit.model.name, fit.info.steps) for fit in run.fits] == [("a", 20), ("b", 7)]
    assert Follower(tmp_path).read().info == info


def test_a_follower_reads_what_has_changed_and_drops_what_is_gone(folder: Path) -> None:
    follower = Follower(folder)
    follower.read()
    follower.read()
    again = follower.changed
    writer = RunWriter(folder)
    writer.fits.shorten(replace(FIT, index=1, steps=11))
    writer.fits.save_fit(replace(FIT, index=2, steps=99))
    writer.close()
    run = follower.read()
    assert (again, follower.changed) == (False, True)
    assert [(fit.info.steps, fit.info.brief) for fit in run.fits] == [(10, True), (11, True), (99, False)]
    assert not any(name.startswith("fit-1.") for name in follower.kept)
