"""The lines of the user's script around a location, where they can still be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from nanwatch.explain.untrusted import TAB, clean
from nanwatch.record.facts import Location

CONTEXT = 2  # lines on either side of the guilty one
WHOLE = 5000  # lines of a script that is shown in full
FULL_INDENT = 24  # from this common indentation on, the lines are moved to the left


@dataclass(frozen=True)
class Line:
    number: int
    text: str
    guilty: bool


@dataclass(frozen=True)
class Excerpt:
    """Lines of a script. ``current`` is False when only the recorded line could be shown."""

    lines: tuple[Line, ...]
    current: bool


def excerpt(location: Location, context: int = CONTEXT) -> Excerpt:
    """The line of ``location`` and its neighbours; the recorded line alone if the script changed."""
    near = lines_around(location, context)
    here = near.get(location.line)
    if here is None or not location.code or clean(here).strip() != clean(location.code).strip():
        recorded = clean(location.code).strip()
        return Excerpt((Line(location.line, recorded, True),) if recorded else (), False)
    numbers = [number for number in sorted(near) if near[number].strip() or number == location.line]
    chosen = {number: clean(near[number]).rstrip() for number in range(numbers[0], numbers[-1] + 1)}
    texts = shift_left(chosen)
    return Excerpt(tuple(Line(n, texts[n], n == location.line) for n in sorted(texts)), True)


def lines_around(location: Location, context: int) -> dict[int, str]:
    """By number; of a notebook's cell, which was not kept in a file, those in the record."""
    first, last = location.line - context, location.line + context
    if location.cell is None:
        return lines_of(Path(location.file), first, last)
    held = enumerate(location.cell.lines, location.cell.first)
    return {number: text for number, text in held if first <= number <= last}


def current_line(location: Location) -> str | None:
    """The whole line of ``location`` as it stands in its file; None if it is not the recorded one."""
    if location.cell is not None:
        return None
    text = lines_of(Path(location.file), location.line, location.line).get(location.line)
    if text is None or not location.code or text.strip() != location.code.strip():
        return None
    return text.rstrip("\r\n")


def script_lines(script: Path, recorded: Sequence[Location]) -> list[tuple[int, str]]:
    """The whole script, numbered; nothing where it is gone, or a recorded line of it has changed."""
    if any(current_line(location) is None for location in recorded):
        return []
    found = lines_of(script, 1, WHOLE)
    return [(number, clean(text.rstrip("\r\n"))) for number, text in found.items()]


def lines_of(path: Path, first: int, last: int) -> dict[int, str]:
    """Lines ``first`` to ``last`` of a file, by number; none where it cannot be read."""
    try:
        if not path.is_file():
            return {}
        with open(path, encoding="utf-8", errors="replace") as file:
            start = max(first, 1)
            return dict(enumerate(islice(file, start - 1, last), start))
    except (OSError, ValueError):
        return {}


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
