"""The stderr that nanwatch speaks on behind a script, which may have closed, filled or replaced it."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TextIO

from nanwatch.cli.screen import screen_of

STDOUT, STDERR = 1, 2


class OwnStderr:
    """Made before the script."""

    def __init__(self) -> None:
        self.before = identity_of(STDERR)
        self.pid = os.getpid()
        self.has_spoken = False
        self.behind_halt = False  # the training was left in the middle of a progress bar, maybe

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
            if not self.has_spoken:
                self.has_spoken = True
                text = self.fresh_line(stream) + text
            data = text.encode(stream.encoding, "backslashreplace")
            while data:
                data = data[os.write(stream.fileno(), data) :]

    def fresh_line(self, stream: TextIO) -> str:
        """What brings the first words to a line of their own: a progress bar may stand in the last one.

        What the script has printed so far comes before them.
        """
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        if stream.isatty() and os.environ.get("TERM") != "dumb":
            # Blanks wrap, unless the line is empty, and are written over.
            return " " * screen_of(stream).width + "\r"
        same = identity_of(STDOUT) == identity_of(STDERR)
        return "\n" if same and self.behind_halt else ""

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
