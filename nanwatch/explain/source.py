"""The lines of the user's script around a location, as the run has kept them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nanwatch.explain.untrusted import TAB, clean
from nanwatch.record.facts import Location
from nanwatch.record.run import Run
from nanwatch.record.untrusted_file import read_regular
from nanwatch.record.whose import is_own

CONTEXT = 2  # lines on either side of the guilty one
WHOLE = 5000  # lines of a script that is shown in full
LINE_BREAK = re.compile(r"\r\n|\r|\n")  # what Python ends a line at
MOST_BYTES = 2**24  # of a file that is looked into for a change
FULL_INDENT = 24  # from this common indentation on, the lines are moved to the left


@dataclass(frozen=True)
class Line:
    number: int
    text: str
    guilty: bool


@dataclass(frozen=True)
class Excerpt:
    """Lines of a script as the run kept them; not ``current`` where its file is known to differ by now."""

    lines: tuple[Line, ...]
    current: bool


def excerpt(run: Run, location: Location, context: int = CONTEXT) -> Excerpt:
    """The line of ``location`` and its neighbours; the line alone where they were not kept."""
    near = lines_around(run, location, context)
    here = near.get(location.line)
    current = not has_changed(run, location)
    if here is None or not location.code or clean(here).strip() != clean(location.code).strip():
        recorded = clean(location.code).strip()
        return Excerpt((Line(location.line, recorded, True),) if recorded else (), current)
    numbers = [number for number in sorted(near) if near[number].strip() or number == location.line]
    chosen = {n: clean(text).rstrip() for n, text in near.items() if numbers[0] <= n <= numbers[-1]}
    texts = shift_left(chosen)
    return Excerpt(tuple(Line(n, texts[n], n == location.line) for n in sorted(texts)), current)


def lines_around(run: Run, location: Location, context: int) -> dict[int, str]:
    """By number, as they stand in the record: no path in it is opened for them."""
    first, last = location.line - context, location.line + context
    if location.cell is None:
        return run.sources.lines(location.file, first, last)
    held = enumerate(location.cell.lines, location.cell.first)
    return {number: text for number, text in held if first <= number <= last}


def current_line(run: Run, location: Location) -> str | None:
    """The whole line of ``location``, as it was kept; None where it was not, or has changed since."""
    if location.cell is not None or not location.code:
        return None
    text = run.sources.lines(location.file, location.line, location.line).get(location.line)
    if text is None or text.strip() != location.code.strip() or has_changed(run, location):
        return None
    return text.rstrip()


def script_lines(run: Run, script: Path) -> list[tuple[int, str]]:
    """The whole script as it was, numbered; nothing where it was not kept whole."""
    lines = run.sources.whole(os.path.abspath(script))[:WHOLE]
    return [(number, clean(text)) for number, text in enumerate(lines, 1)]


def has_changed(run: Run, location: Location) -> bool:
    """Whether its file is known to hold another line there by now.

    It is looked into only where the run is this user's own, and the file lies below the working directory.
    """
    if location.cell is not None or not location.code or not is_own(run.info.made_by, run.folder):
        return False
    path = below_here(location.file)
    if path is None:
        return False
    try:
        text = read_regular(path, MOST_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return True
    except OSError:
        return False
    lines = LINE_BREAK.split(text)
    there = lines[location.line - 1].strip() if 0 < location.line <= len(lines) else None
    return there != location.code.strip()


def below_here(file: str) -> Path | None:
    """The path ``file``, links resolved, if that lies below the working directory."""
    try:
        path, here = Path(file).resolve(), Path.cwd().resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    return path if here != path and path.is_relative_to(here) else None


def shift_left(lines: dict[int, str]) -> dict[int, str]:
    """The lines with a deep common indentation cut to one tab."""
    indents = [len(text) - len(text.lstrip()) for text in lines.values() if text.strip()]
    common = min(indents, default=0)
    if common < FULL_INDENT:
        return lines
    return {number: text[common - len(TAB) :] for number, text in lines.items()}


TokenKind = Literal["plain", "keyword", "string", "comment"]
# Enough of Python's grammar to colour a line on its own; a string that spans lines stays plain.
TOKEN = re.compile(
    r"""(?P<comment>\#.*)
      | (?P<string>[rbfuRBFU]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
      | (?P<keyword>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except
            |finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try
            |while|with|yield|None|True|False)\b)
      | (?P<plain>\w+|.)""",
    re.VERBOSE,
)
KINDS: dict[str, TokenKind] = {"comment": "comment", "string": "string", "keyword": "keyword"}


def split_tokens(line: str) -> Iterator[tuple[TokenKind, str]]:
    """The pieces of a line of Python; joined they are the line again."""
    for match in TOKEN.finditer(line):
        yield KINDS.get(match.lastgroup or "", "plain"), match.group()
