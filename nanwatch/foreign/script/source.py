"""The text of a script as a tree: also that of a notebook, of Python 2, and of a post with prose between."""

from __future__ import annotations

import ast
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

from nanwatch.errors import ScriptUnreadable
from nanwatch.foreign.script.facts import CodeLine
from nanwatch.notebook_cells import code_cells

MOST_BYTES = 4 * 2**20  # of a script
MOST_NOTEBOOK = 64 * 2**20  # which holds pictures, too
MOST_REPAIRS = 400  # lines of no Python, each of which has the rest parsed once more
MOST_SHOWN = 200  # characters of a line


@dataclass(frozen=True)
class Source:
    """A tree, the lines it was made of, and where each of these stands."""

    name: str
    tree: ast.Module
    lines: tuple[str, ...]
    places: tuple[tuple[int, int | None], ...]  # (line, cell) of each line
    unread: int

    def line(self, node: ast.AST) -> CodeLine:
        at = getattr(node, "lineno", 1)
        number, cell = self.places[at - 1] if at <= len(self.places) else (at, None)
        text = self.lines[at - 1].strip() if at <= len(self.lines) else ""
        return CodeLine(number, text[:MOST_SHOWN], cell)


def read_source(path: Path) -> Source:
    """The script at ``path``.

    Raises:
        ScriptUnreadable: there is none, or it is no text.
    """
    text = read_text(path)
    cells = code_cells(text) if path.suffix == ".ipynb" else None
    if cells is None:
        lines = text.splitlines()
        places: list[tuple[int, int | None]] = [(number, None) for number in range(1, len(lines) + 1)]
    else:
        lines = [line for cell in cells for line in cell.lines]
        places = [(number, cell.number) for cell in cells for number in range(1, len(cell.lines) + 1)]
    tree, unread = parse(lines)
    return Source(str(path), tree, tuple(lines), tuple(places), unread)


def read_text(path: Path) -> str:
    try:
        facts = os.stat(path)
        most = MOST_NOTEBOOK if path.suffix == ".ipynb" else MOST_BYTES
        if not stat.S_ISREG(facts.st_mode):
            raise ScriptUnreadable(f"{path} is no file; give the training script, or its notebook.")
        if facts.st_size > most:
            raise ScriptUnreadable(f"{path} has more than {most // 2**20} MB, which no script has.")
        data = path.read_bytes()
    except OSError as error:
        raise ScriptUnreadable(f"The script {path} cannot be read: {error.strerror}.") from error
    if b"\0" in data:
        raise ScriptUnreadable(f"{path} is a binary file; give the training script, or its notebook.")
    return data.decode("utf-8-sig", "replace")


def parse(lines: list[str]) -> tuple[ast.Module, int]:
    """The tree of ``lines``, and how many of them had to be left out for it."""
    kept = list(lines)
    left_out: set[int] = set()
    for _ in range(MOST_REPAIRS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a SyntaxWarning of the script's is not ours to show
                return ast.parse("\n".join(kept)), len(left_out)
        except SyntaxError as error:
            at = line_to_leave_out(error, kept)
            if at is None:
                break
            leave_out(kept, at, is_indented=isinstance(error, IndentationError))
            left_out.add(at)
        except (ValueError, RecursionError, MemoryError):
            break
    return ast.Module([], []), len(lines)


def line_to_leave_out(error: SyntaxError, lines: list[str]) -> int | None:
    """The line that the error names, or the nearest before it with anything left in it."""
    at = min(max((error.lineno or 1) - 1, 0), len(lines) - 1)
    while at >= 0 and not lines[at].strip():
        at -= 1
    return at if at >= 0 else None


def leave_out(lines: list[str], at: int, is_indented: bool) -> None:
    """In its place at first ``pass``, which may be all that a block has; where that is wrong, nothing."""
    line = lines[at]
    indent = line[: len(line) - len(line.lstrip())]
    lines[at] = "" if is_indented or line.strip() == "pass" else f"{indent}pass"
