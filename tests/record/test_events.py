"""events.jsonl: a line each, and a torn last line costs that line alone."""

from __future__ import annotations

import json
import math
import typing
from pathlib import Path
from typing import Any

import pytest

from nanwatch.record import events
from nanwatch.record.events import (
    Deleted,
    EpochBegin,
    EpochEnd,
    Event,
    EventLog,
    FitBegin,
    FitEnd,
    IncidentSeen,
    LearningRateChanged,
    Raised,
    Saved,
    Warned,
    read_events,
)
from nanwatch.record.notes import OwnError

EVENTS: list[Event] = [
    FitBegin(0),
    FitBegin(0, "tape"),
    EpochBegin(0, 0),
    EpochEnd(0, 0, {"loss": 0.5}, 32),
    EpochEnd(0, 1),
    LearningRateChanged(0, 1, 32, 1e-3, 1e-4),
    Saved(0, 32, "m.keras", True),
    Saved(0, 32, "m.keras", False),
    Deleted(0, 40, "m.keras"),
    Warned(0, "Größe a\u2028b\nc", "RuntimeWarning"),
    IncidentSeen(0, 41, "gradient", "dense/kernel"),
    Raised(0, "ValueError: no"),
    OwnError("reading the data of fit", "ValueError", "no"),
    FitEnd(0, "halted"),
    FitEnd(0, "crashed", "ValueError: no"),
]


def write(path: Path, given: list[Event] = EVENTS) -> None:
    log = EventLog(path)
    for event in given:
        log.append(event)
    log.close()


def test_events_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "e")
    assert list(read_events(tmp_path / "e")) == EVENTS
    assert {type(event) for event in EVENTS} == set(typing.get_args(Event))


def test_a_loss_that_is_not_finite_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "e", [EpochEnd(0, 0, {"loss": math.nan, "val_loss": math.inf})])
    (event,) = read_events(tmp_path / "e")
    assert isinstance(event, EpochEnd)
    assert math.isnan(event.logs["loss"])
    assert event.logs["val_loss"] == math.inf


def test_a_file_cut_anywhere_gives_the_whole_lines(tmp_path: Path) -> None:
    write(tmp_path / "e")
    whole = (tmp_path / "e").read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole)):
        (tmp_path / "e").write_bytes(whole[:length])
        found = list(read_events(tmp_path / "e"))
        assert found == EVENTS[: sum(end <= length for end in ends)]


def test_the_epochs_of_some_fits_are_passed_over(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for fit in (0, 1):
        for event in (
            FitBegin(fit),
            EpochBegin(fit, 0),
            Warned(fit, "w"),
            EpochEnd(fit, 0),
            FitEnd(fit, "finished"),
        ):
            log.append(event)
    log.append(OwnError("watching", "KeyError", "'x'"))
    log.close()
    found = [type(event).__name__ for event in read_events(tmp_path / "events.jsonl", {0})]
    assert found == [
        "FitBegin",
        "Warned",
        "FitEnd",
        "FitBegin",
        "EpochBegin",
        "Warned",
        "EpochEnd",
        "FitEnd",
        "OwnError",
    ]


def test_there_may_be_no_file(tmp_path: Path) -> None:
    assert list(read_events(tmp_path / "e")) == []


FOREIGN = [
    b"[1]",
    b'{"no": 1}',
    b"\xff\xfe",
    b"null",
    b"[" * 100_000,
    b'{"event": "warning", "fit": 0, "message": "of format 1"}',
    b'{"kind": "birth", "fit": 0}',
    b'{"kind": ["warning"], "fit": 0}',
    b'{"kind": null}',
    b'{"kind": "epoch_begin", "fit": 0}',
    b'{"kind": "epoch_begin", "fit": 0, "epoch": "1"}',
    b'{"kind": "epoch_begin", "fit": 0, "epoch": true}',
    b'{"kind": "epoch_end", "fit": 0, "epoch": 1, "logs": {"loss": "low"}}',
    b'{"kind": "incident", "fit": 0, "step": 1, "role": "weather"}',
    b'{"kind": "save", "fit": 0, "step": 1, "path": "m", "finite": 1}',
]


@pytest.mark.parametrize("line", FOREIGN, ids=range(len(FOREIGN)))
def test_a_line_of_something_else_is_passed_over(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "e").write_bytes(line + b'\n{"kind": "warning", "fit": 0, "message": "m", "colour": "red"}\n')
    assert list(read_events(tmp_path / "e")) == [Warned(0, "m")]


def test_past_the_limit_only_what_decides_is_written(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(events, "LIMIT", 200)
    deciding: list[Event] = [IncidentSeen(0, 1, "loss"), Raised(0, "E"), FitEnd(0, "crashed", "E")]
    write(tmp_path / "e", [*(EpochEnd(0, epoch) for epoch in range(50)), *deciding])
    found = list(read_events(tmp_path / "e"))
    assert found[-3:] == deciding
    assert 2 < len(found) - 3 < 10


def test_the_kinds_on_disk(tmp_path: Path) -> None:
    write(tmp_path / "e", EVENTS[:2])
    lines = [json.loads(line) for line in (tmp_path / "e").read_text().splitlines()]
    assert lines == [{"kind": "fit_begin", "fit": 0}, {"kind": "fit_begin", "fit": 0, "training": "tape"}]
