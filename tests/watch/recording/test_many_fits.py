"""A run of many fits: the last ones are kept in full, of the others a line, and each costs the same."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from nanwatch.record.events import IncidentSeen
from nanwatch.record.facts import FitInfo, IncidentInfo, LossInfo, ModelInfo, OutputInfo, Status
from nanwatch.record.read import read_run
from nanwatch.record.write import FITS_IN_FULL
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.watch.recording.test_parts import record_fit


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunRecorder]:
    made = RunRecorder(tmp_path, "train.py", ("train.py",))
    yield made
    made.end("finished", 0)


def train(recorder: RunRecorder, model: str = "m", status: Status = "finished") -> int:
    info = FitInfo(0, steps=3, status="running")
    number = recorder.add_fit(ModelInfo(model, "Sequential"), info, lambda: info)
    recorder.save()
    recorder.end_fit(number, replace(info, status=status))
    return number


def in_full(recorder: RunRecorder) -> list[int]:
    return [fit.info.index for fit in read_run(recorder.folder).fits if not fit.info.brief]


def test_the_last_fits_are_kept_in_full_and_all_are_counted(recorder: RunRecorder) -> None:
    for _ in range(FITS_IN_FULL):
        train(recorder)
    assert in_full(recorder) == list(range(FITS_IN_FULL))
    for _ in range(6):
        record_fit(recorder)
    assert in_full(recorder) == list(range(6, FITS_IN_FULL + 6))
    run = read_run(recorder.folder)
    assert [fit.info.index for fit in run.fits] == list(range(FITS_IN_FULL + 6))
    assert {fit.info.steps for fit in run.fits} == {3}
    assert run.fits[0].info.status == "finished"
    assert len(recorder.fits) == FITS_IN_FULL
    for _ in range(FITS_IN_FULL):
        train(recorder)
    assert not list(recorder.folder.glob("*.steps"))


def test_what_ended_badly_is_kept_but_no_more_than_so_many(recorder: RunRecorder) -> None:
    for _ in range(FITS_IN_FULL + 2):
        train(recorder, status="crashed")
    for _ in range(FITS_IN_FULL):
        train(recorder)
    assert in_full(recorder) == list(range(2, 2 * FITS_IN_FULL + 2))


def test_the_incident_and_what_trials_are_made_on_stay(recorder: RunRecorder) -> None:
    for _ in range(3):
        train(recorder)
    recorder.add_incident(IncidentInfo(fit=1, step=2, epoch=0, role="loss"))
    recorder.keep(SimpleNamespace(fit=2, progress=5.0))  # type: ignore[arg-type]
    for _ in range(FITS_IN_FULL):
        train(recorder)
    assert in_full(recorder) == list(range(1, FITS_IN_FULL + 3))
    recorder.keep(SimpleNamespace(fit=FITS_IN_FULL + 2, progress=6.0))  # type: ignore[arg-type]
    train(recorder)
    assert in_full(recorder) == [1, *range(4, FITS_IN_FULL + 4)]
    run = read_run(recorder.folder)
    found = run.fit_of_incident()
    assert found is not None
    assert (found.info.index, found.info.brief) == (1, False)


def test_a_fit_that_goes_on_beside_many_stays(recorder: RunRecorder) -> None:
    going_on = record_fit(recorder, ends=False)
    for _ in range(FITS_IN_FULL + 3):
        train(recorder)
    assert in_full(recorder) == [going_on, *range(4, FITS_IN_FULL + 4)]
    assert recorder.last_fit == going_on


def test_an_equal_model_is_written_once_and_goes_with_its_last_fit(recorder: RunRecorder) -> None:
    described = ModelInfo("b", "B", outputs=(OutputInfo("out", loss=LossInfo("mse")),))
    for _ in range(2):
        info = FitInfo(0)
        number = recorder.add_fit(ModelInfo("b", "B"), info, lambda info=info: info)  # type: ignore[misc]
        recorder.set_model(number, described)  # its outputs, which the first step has told
        recorder.end_fit(number, replace(info, status="finished"))
    assert [path.name for path in recorder.folder.glob("model-*.json")] == ["model-0.json"]
    assert [fit.model for fit in read_run(recorder.folder).fits] == [described] * 2
    for number in range(FITS_IN_FULL + 2):
        train(recorder, f"fold_{number}")
    assert {fit.model.name for fit in read_run(recorder.folder).fits if fit.info.brief} == {"unknown"}
    assert len(list(recorder.folder.glob("model-*.json"))) == len(recorder.models) == FITS_IN_FULL


def test_a_model_that_was_taken_for_another_gets_a_file_of_its_own(recorder: RunRecorder) -> None:
    first, second = (train(recorder) for _ in range(2))
    recorder.set_model(second, ModelInfo("other", "Sequential"))
    recorder.save()
    assert [fit.model.name for fit in read_run(recorder.folder).fits] == ["m", "other"]
    recorder.set_model(first, ModelInfo("first", "Sequential"))
    recorder.save()
    assert [fit.model.name for fit in read_run(recorder.folder).fits] == ["first", "other"]


def test_what_a_fit_costs_does_not_grow(recorder: RunRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    replace_file = os.replace

    def count(scratch: Path, place: Path) -> None:
        written.append(os.path.getsize(scratch))
        replace_file(scratch, place)

    monkeypatch.setattr(os, "replace", count)
    costs = []
    for _ in range(4 * FITS_IN_FULL):
        written.clear()
        train(recorder)
        costs.append((len(written), sum(written)))
    assert {calls for calls, _ in costs[1:]} == {2}  # the fit's own file, as it began and as it ended
    assert max(size for _, size in costs[1:]) - costs[1][1] < 10  # for its number


def test_run_json_tells_by_its_time_that_a_training_goes_on(recorder: RunRecorder) -> None:
    path = recorder.folder / "run.json"
    train(recorder)
    os.utime(path, (1, 1))
    recorder.save()
    assert path.stat().st_mtime > 1


def test_run_json_says_that_a_run_has_ended_when_all_of_it_is_there(
    recorder: RunRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_fit(recorder, ends=False)
    order: list[str] = []
    replace_file = os.replace

    def note(scratch: Path, place: Path) -> None:
        order.append(Path(place).name)
        replace_file(scratch, place)

    monkeypatch.setattr(os, "replace", note)
    recorder.end("finished", 0)
    assert order == ["fit-0.json", "run.json"]
    assert json.loads((recorder.folder / "run.json").read_text())["status"] == "finished"


def test_a_fit_that_a_check_has_cut_is_known_as_such_in_short(recorder: RunRecorder) -> None:
    recorder.cut_short.add(train(recorder))
    for _ in range(FITS_IN_FULL):
        train(recorder)
    first = read_run(recorder.folder).fits[0].info
    assert (first.brief, first.cut_short) == (True, True)


def test_an_incident_is_told_again_and_of_two_the_first_counts(recorder: RunRecorder) -> None:
    number = train(recorder)
    first = IncidentInfo(number, 2, 0, "loss")
    recorder.add_incident(first)
    recorder.add_incident(replace(first, role="gradient", bad_rows=(3,)))
    recorder.add_incident(replace(first, step=3))
    run = read_run(recorder.folder)
    assert run.info.incident == replace(first, role="gradient", bad_rows=(3,))
    assert [event.step for event in run.fits[0].events if isinstance(event, IncidentSeen)] == [2, 3]


def test_an_incident_is_written_where_nothing_else_can_be(
    recorder: RunRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = record_fit(recorder, ends=False)
    replace_file = os.replace

    def refuse(scratch: Path, place: Path) -> None:
        if Path(place).name != "run.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace_file(scratch, place)

    monkeypatch.setattr(os, "replace", refuse)
    recorder.add_incident(IncidentInfo(number, 2, 0, "loss"))
    found = read_run(recorder.folder).info
    assert found.incident is not None
    assert not recorder.is_saved
    assert not list(recorder.folder.glob("*.new"))
    monkeypatch.undo()
    recorder.save()
    assert recorder.is_saved
