"""The script's output during a check: on stderr, so that stdout is the report's alone."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

STDOUT, STDERR = 1, 2


class Streams:
    """Where stdout led before; nothing where there is none."""

    def __init__(self) -> None:
        self.before: int | None = None

    def send_to_stderr(self) -> None:
        """As the descriptor, not the Python object: for the script's own processes and C++ too."""
        with contextlib.suppress(OSError):
            before = os.dup(STDOUT)
            os.dup2(STDERR, STDOUT)
            self.before = before

    def give_back(self) -> None:
        """Once; a stdout that the script has closed or put aside is put right."""
        sys.stdout = sys.__stdout__
        with contextlib.suppress(Exception):  # a closed stdout is for Python to speak of
            assert sys.stdout is not None
            sys.stdout.flush()
        if self.before is not None:
            os.dup2(self.before, STDOUT)
            os.close(self.before)
            self.before = None


@contextlib.contextmanager
def script_on_stderr() -> Iterator[Streams]:
    streams = Streams()
    streams.send_to_stderr()
    try:
        yield streams
    finally:
        streams.give_back()
