"""Which cell of a notebook a piece of code is: no file holds it, and it is gone with the process."""

from __future__ import annotations

import linecache
import re
import sys
from typing import Any, NamedTuple

from nanwatch.record.facts import Cell

AROUND = 4  # lines on either side that a report may show
# What IPython calls the code of a cell that begins with %%time, in each such cell.
TIMED = ("<timed exec>", "<timed eval>")
OLD_NAME = re.compile(r"<ipython-input-(\d+)-")
KERNELS_FILE = re.compile(r"[\\/]ipykernel_\d+[\\/]")


class Source(NamedTuple):
    number: int  # 0 where it is not known
    lines: list[str]
    before: int = 0  # lines of the cell that are not in the code


# Of a saved notebook that is run as a script: the cells, by what Python is told that their files are.
SAVED: dict[str, Source] = {}


def cell_at(filename: str, line: int) -> tuple[int, str, Cell] | None:
    """The line by the cell's own count, its text, and the cell around it; None where it is no cell's."""
    source = source_of(filename)
    if source is None:
        return None
    at = line + source.before
    lines = [text.rstrip("\r\n") for text in source.lines]
    first = max(1, at - AROUND)
    text = lines[at - 1].strip() if 0 < at <= len(lines) else ""
    return at, text, Cell(source.number, first, tuple(lines[first - 1 : at + AROUND]))


def source_of(filename: str) -> Source | None:
    """Of a file that IPython has compiled for a cell. Never fails."""
    if filename in SAVED:
        return SAVED[filename]
    try:
        if filename in TIMED:
            return under_magic()
        number = number_of(filename)
        if number is None:
            return None
        lines = linecache.getlines(filename)
        whole = under_magic()  # %%capture has the rest of its cell run as one of its own
        is_rest = whole is not None and texts_of(whole.lines[whole.before :]) == texts_of(lines)
        return whole if is_rest else Source(number, lines)
    except Exception:  # another IPython than those known
        return None


def number_of(filename: str) -> int | None:
    """What the notebook counts the cell by, as its own tracebacks do; None where the file is none of its."""
    shell = shell_here()
    if shell is None:
        return None
    told = shell.compile.format_code_name(filename) if hasattr(shell.compile, "format_code_name") else None
    found = re.search(r"In\[(\d+)\]", told[1]) if told else OLD_NAME.match(filename)
    if found:
        return int(found[1])
    return 0 if told or KERNELS_FILE.search(filename) else None


def under_magic() -> Source | None:
    """The cell that runs, where its first line is a magic's."""
    history = getattr(getattr(shell_here(), "history_manager", None), "input_hist_raw", [""])
    lines = str(history[-1]).splitlines()
    magic = next((place for place, text in enumerate(lines) if text.strip()), 0)
    is_one = bool(lines) and lines[magic].startswith("%%")
    return Source(len(history) - 1, lines, magic + 1) if is_one else None


def texts_of(lines: list[str]) -> list[str]:
    return "\n".join(text.rstrip("\r\n") for text in lines).strip().splitlines()


def shell_here() -> Any:
    """IPython's shell in this process, or None; IPython is not imported for it."""
    module = sys.modules.get("IPython.core.getipython")
    return None if module is None else module.get_ipython()
