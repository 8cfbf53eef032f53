"""The lines of the script: shown as they are now, or as they were recorded, never a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanwatch.explain.source import Line, excerpt, split_tokens
from nanwatch.record.facts import Location

LINES = ["import keras", "", "\tx = 1", "    y = 'é'", "z = 3", "", "end()"]


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "train.py"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return str(path)


def test_the_line_and_its_neighbours(script: str) -> None:
    found = excerpt(Location(script, 4, "y = 'é'"))
    assert found.current
    assert found.lines == (
        Line(3, "    x = 1", False),
        Line(4, "    y = 'é'", True),
        Line(5, "z = 3", False),
    )  # blank lines at the ends are left out


@pytest.mark.parametrize(("number", "first", "last"), [(1, 1, 3), (5, 3, 7), (7, 5, 7)])
def test_the_ends_of_the_script(script: str, number: int, first: int, last: int) -> None:
    found = excerpt(Location(script, number, LINES[number - 1]))
    assert [line.number for line in found.lines] == list(range(first, last + 1))
    assert [line.number for line in found.lines if line.guilty] == [number]


@pytest.mark.parametrize("number", [3, 8, 0, -3, 10**9])
def test_a_script_that_has_changed_shows_the_recorded_line_alone(script: str, number: int) -> None:
    found = excerpt(Location(script, number, "  y = 'é'  "))
    assert not found.current
    assert found.lines == (Line(number, "y = 'é'", True),)


def test_a_script_that_is_gone(tmp_path: Path) -> None:
    found = excerpt(Location(str(tmp_path / "gone.py"), 3, "x = 1"))
    assert (found.lines, found.current) == ((Line(3, "x = 1", True),), False)


@pytest.mark.parametrize("file", ["<stdin>", "<ipython-input-3-ab>", "/dev/zero", "", "a\0b"])
def test_what_is_no_file_is_not_read(file: str) -> None:
    assert excerpt(Location(file, 1, "x = 1")).lines == (Line(1, "x = 1", True),)


def test_nothing_is_shown_where_no_line_was_recorded(script: str) -> None:
    assert excerpt(Location(script, 4, "")).lines == ()


def test_a_deep_indentation_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "deep.py"
    path.write_text(" " * 40 + "if x:\n" + " " * 44 + "y = 2\n")
    found = excerpt(Location(str(path), 2, "y = 2"))
    assert [line.text for line in found.lines] == ["    if x:", "        y = 2"]


def test_a_line_is_made_of_its_tokens() -> None:
    line = """x = layer(f"a # b", 'it\\'s', key="é") if True else "open # what"""
    assert "".join(text for _, text in split_tokens(line)) == line
    kinds = {text: kind for kind, text in split_tokens(line)}
    assert kinds['f"a # b"'] == "string"
    assert kinds["True"] == kinds["if"] == "keyword"
    assert kinds["layer"] == "plain"
    assert kinds["# what"] == "comment"
