"""Where a debugger stands that is opened at a line of a script."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from nanwatch.cli.debugger import open_at, standing_at
from nanwatch.record.facts import Location

SCRIPT = """x = 1


def outer():
    def inner():
        return x

    return inner
"""


@pytest.mark.parametrize(("line", "name"), [(1, "<module>"), (4, "outer"), (6, "inner"), (8, "outer")])
def test_it_stands_in_the_function_of_the_line(line: int, name: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    code = standing_at(Location(str(path), line))
    assert not isinstance(code, str)
    assert (code.co_filename, code.co_name) == (str(path), name)
    assert {number for *_, number in code.co_lines() if number} == {line}


@pytest.mark.parametrize("text", ["def (", None])
def test_a_script_that_cannot_be_read_is_no_error(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    if text is not None:
        path.write_text(text)
    code = standing_at(Location(str(path), 3))
    assert not isinstance(code, str)
    assert code.co_name == "<module>"


@pytest.mark.parametrize("is_known", [True, False])
def test_the_source_and_the_names_are_at_hand(
    is_known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    monkeypatch.setattr("sys.stdin", io.StringIO("l\np loss + 1\nq\n"))
    open_at(Location(str(path), 6) if is_known else None, {"loss": 41, "y": None})
    said = capsys.readouterr().out
    assert "You can use: loss. Leave with q." in said
    assert "42" in said
    assert ("train.py(6)inner()" in said) is is_known
    assert ("  6  ->\t        return x" in said) is is_known
