"""The user's files in the record: whole, or around the places that were noted, and within a limit."""

from __future__ import annotations

from pathlib import Path

from nanwatch.record.sources import (
    AROUND,
    LIMIT,
    SOURCES_FILE,
    WHOLE,
    Source,
    Sources,
    pieces_of,
    read_sources,
    write_sources,
)


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    kept = pieces_of({"/p/a.py": ["import os", "", "é = 1"]}, {"/p/a.py": {3}})
    write_sources(tmp_path, kept)
    damage: list[str] = []
    found = read_sources(tmp_path, damage)
    assert found.whole("/p/a.py") == ("import os", "", "é = 1")
    assert found.lines("/p/a.py", 2, 9) == {2: "", 3: "é = 1"}
    assert found.lines("/p/a.py", -5, 1) == {1: "import os"}
    assert found.lines("/p/b.py", 1, 3) == {}
    assert damage == []


def test_a_longer_file_is_kept_around_its_places() -> None:
    full, over = ["x" * 64] * (WHOLE // 64), ["x" * 64] * (WHOLE // 64) + ["x"]
    assert [piece.whole for piece in pieces_of({"a": full}, {"a": {1}})] == [True]
    pieces = pieces_of({"a": over}, {"a": {1, 100}})
    assert [(piece.first, len(piece.lines), piece.whole) for piece in pieces] == [
        (1, 1 + AROUND, False),
        (100 - AROUND, 2 * AROUND + 1, False),
    ]
    assert list(Sources(pieces).whole("a")) == []


def test_all_files_together_have_a_limit() -> None:
    files = {f"{number}.py": ["x" * 64] * (WHOLE // 64) for number in range(LIMIT // WHOLE + 1)}
    assert len(pieces_of(files, {})) == LIMIT // WHOLE


def test_of_two_processes_the_own_file_counts() -> None:
    one, other = Sources([Source("a", 1, ("1",))]), Sources([Source("a", 1, ("2",)), Source("b", 1, ("3",))])
    both = one | other
    assert both.lines("a", 1, 1) == {1: "1"}
    assert both.lines("b", 1, 1) == {1: "3"}


def test_a_run_without_it_and_one_that_is_damaged(tmp_path: Path) -> None:
    damage: list[str] = []
    assert read_sources(tmp_path, damage).pieces == {}
    assert damage == []
    (tmp_path / SOURCES_FILE).write_text('{"sources": [{"path": 3}]}')
    assert read_sources(tmp_path, damage).pieces == {}
    assert damage == ["sources.json could not be read: sources[0].path: a text was expected, not int"]
