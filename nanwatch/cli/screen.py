"""What a stream can show: how wide it is, whether it takes colour, and which characters."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NamedTuple, TextIO

PIPED_WIDTH = 80  # columns, where no terminal says how wide it is
DRAWN = "✖✔▶│┌├└┤─•…×⋮⣿"  # what the report draws with


class Screen(NamedTuple):
    width: int
    color: bool
    unicode: bool


FILE = Screen(PIPED_WIDTH, color=False, unicode=True)


def screen_of(stream: TextIO) -> Screen:
    """What ``stream`` can show. NO_COLOR, FORCE_COLOR, TERM and COLUMNS are honoured."""
    terminal = stream.isatty()
    width = width_of(stream) if terminal else PIPED_WIDTH
    if os.environ.get("COLUMNS", "").isdigit():
        width = int(os.environ["COLUMNS"]) or width
    return Screen(width, takes_color(terminal), takes_unicode(stream))


def width_of(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or PIPED_WIDTH
    except (OSError, ValueError):
        return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns


def takes_color(terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def takes_unicode(stream: TextIO) -> bool:
    try:
        DRAWN.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def show(text: str, stream: TextIO | None = None) -> None:
    """Write ``text``; a character the stream cannot take is spelled out, not an error."""
    out = stream or sys.stdout
    encoding = out.encoding or "ascii"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))
    out.flush()


def show_utf8(text: str) -> None:
    """Write ``text`` to stdout for another program: in UTF-8, whatever the locale says."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
