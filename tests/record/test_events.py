"""events.jsonl: a line each, and a torn last line costs that line alone."""

from __future__ import annotations

import math
from pathlib import Path

from nanwatch.record import events
from nanwatch.record.events import EventLog, read_events


def write(path: Path) -> None:
    log = EventLog(path)
    log.append("fit_begin", fit=0)
    log.append("epoch_end", fit=0, epoch=0, logs={"loss": math.nan, "text": "a\u2028b\nc"})
    log.append("warning", fit=0, message="Größe")
    log.close()


def test_events_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "e")
    found = list(read_events(tmp_path / "e"))
    assert [event["event"] for event in found] == ["fit_begin", "epoch_end", "warning"]
    assert math.isnan(found[1]["logs"]["loss"])
    assert found[1]["logs"]["text"] == "a\u2028b\nc"
    assert found[2]["message"] == "Größe"


def test_a_file_cut_anywhere_gives_the_whole_lines(tmp_path: Path) -> None:
    write(tmp_path / "e")
    whole = (tmp_path / "e").read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole)):
        (tmp_path / "e").write_bytes(whole[:length])
        found = list(read_events(tmp_path / "e"))
        assert len(found) == sum(end <= length for end in ends)


def test_there_may_be_no_file(tmp_path: Path) -> None:
    assert list(read_events(tmp_path / "e")) == []


def test_a_line_of_something_else_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b'[1]\n{"no": 1}\n\xff\xfe\nnull\n{"event": "warning"}\n')
    assert list(read_events(tmp_path / "e")) == [{"event": "warning"}]


def test_past_the_limit_only_what_decides_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(events, "LIMIT", 200)
    log = EventLog(tmp_path / "e")
    for epoch in range(50):
        log.append("epoch_end", fit=0, epoch=epoch)
    log.append("incident", fit=0)
    log.append("exception", fit=0, error="E")
    log.close()
    found = [event["event"] for event in read_events(tmp_path / "e")]
    assert found[-2:] == ["incident", "exception"]
    assert 2 < found.count("epoch_end") < 10
