"""The stderr that nanwatch speaks on behind a script, which may have closed, filled or replaced it."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TextIO

STDERR = 2


class OwnStderr:
    """Made before the script."""

    def __init__(self) -> None:
        self.before = identity_of(STDERR)
        self.pid = os.getpid()

    def stream(self) -> TextIO | None:
        """Where the report can go; None where there is nothing, or a file that came there since."""
        if os.getpid() != self.pid:  # a forked child: its parent speaks
            return None
        now = identity_of(STDERR)
        if now is not None and now != self.before and stat.S_ISREG(now[2]):
            return None  # it was closed, and a file of the script's own has its number
        for stream in (sys.stderr, sys.__stderr__):
            if stream is not None and can_be_written(stream):
                return stream
        return None

    def write(self, text: str) -> None:
        """Whatever comes of it: nothing stays behind in a buffer, for Python to fail over at its end."""
        stream = self.stream()
        if stream is None:
            return
        with contextlib.suppress(Exception):
            stream.flush()
            data = text.encode(stream.encoding, "backslashreplace")
            while data:
                data = data[os.write(stream.fileno(), data) :]

    def say(self, sentence: str) -> None:
        self.write(f"nanwatch: {sentence}\n")


Identity = tuple[int, int, int]  # device, number on it, kind


def identity_of(number: int) -> Identity | None:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mode


def can_be_written(stream: TextIO) -> bool:
    """Whether it leads to an open file, and is no object of the script's own that collects what is said."""
    try:
        stream.isatty()
        return not stream.closed and stream.fileno() >= 0 and isinstance(stream.encoding, str)
    except Exception:
        return False
