"""A line in a cell of a notebook: by the cell's number, with the lines around it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from nanwatch.record.facts import Cell, Location
from nanwatch.watch.launch import cells, user_lines

HERE = "found = line_here()"


@pytest.fixture
def shell() -> Iterator[Any]:
    before = sys.excepthook, sys.displayhook
    made: Any = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    made.push({"line_here": user_lines.line_here})
    yield made
    InteractiveShell.clear_instance()
    sys.excepthook, sys.displayhook = before


def found_in(shell: Any, text: str) -> Location | None:
    shell.run_cell(text, store_history=True).raise_error()
    found: Location | None = shell.user_ns["found"]
    return found


def test_a_line_of_a_cell(shell: Any) -> None:
    text = f"a = 1\nif a:\n    {HERE}\n\nb = 3\n"
    for number in (1, 2):  # the same text again is another cell
        found = found_in(shell, text)
        assert found is not None
        assert (found.line, found.code) == (3, HERE)
        assert found.cell == Cell(number, 1, ("a = 1", "if a:", f"    {HERE}", "", "b = 3"))


def test_only_the_lines_around_it_are_kept(shell: Any) -> None:
    found = found_in(shell, "\n".join([*(f"a = {n}" for n in range(1, 10)), HERE, *["b = 1"] * 9]))
    assert found is not None
    assert found.cell == Cell(1, 6, ("a = 6", "a = 7", "a = 8", "a = 9", HERE, *["b = 1"] * 4))


@pytest.mark.parametrize("magic", ["%%time", "\n%%time", "%%capture", "%%capture text"])
def test_a_cell_under_a_magic(magic: str, shell: Any) -> None:
    found = found_in(shell, f"{magic}\na = 1\n{HERE}\n")
    assert found is not None
    assert (found.line, found.code) == (magic.count("\n") + 3, HERE)
    assert found.cell is not None
    assert (found.cell.number, found.cell.lines[-1]) == (1, HERE)


def test_a_function_of_an_earlier_cell(shell: Any) -> None:
    shell.run_cell("def ask():\n    return line_here()\n", store_history=True)
    found = found_in(shell, "found = ask()")
    assert found is not None
    assert found.cell is not None
    assert (found.cell.number, found.line, found.code) == (1, 2, "return line_here()")


def test_a_script_that_a_cell_runs_is_a_file(shell: Any, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(f"\n{HERE}\n")
    shell.user_ns["line_here"] = user_lines.line_here
    found = found_in(shell, f"%run -i {script}")
    assert found == Location(str(script), 2, HERE)


class OldCompiler:
    """Of an IPython that does not say what a cell is called."""


def test_names_of_other_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        compile = OldCompiler()

    monkeypatch.setattr(cells, "shell_here", Shell)
    assert cells.number_of("<ipython-input-12-0123456789ab>") == 12
    assert cells.number_of("/tmp/ipykernel_77/123456.py") == 0
    assert cells.number_of("/home/me/train.py") is None
    assert cells.cell_at("<timed exec>", 3) is None  # it has no history


def test_without_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "shell_here", lambda: None)
    for name in ("<ipython-input-12-0123456789ab>", "/tmp/ipykernel_77/123456.py", "<timed exec>", __file__):
        assert cells.cell_at(name, 1) is None
