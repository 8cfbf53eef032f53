"""A file that stays open in a process that is not ours, and may close what it likes."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600  # a record holds rows of the data and lines of the script
FIRST_NUMBER = 200  # above what a script counts on: 0, 1 and 2 where they are closed, then 3, 4, ...
Identity = tuple[int, int]  # of a file: its device, and its number there
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class KeptFile:
    """Appended to. A number that has come to mean another file is neither written to nor closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open()

    def open(self) -> None:
        self.number: int | None = out_of_the_way(os.open(self.path, FLAGS, FILE_MODE))
        self.identity = identity_of(self.number)

    def write(self, data: bytes) -> int:
        if self.number is None or identity_of(self.number) != self.identity:
            self.open()
        assert self.number is not None
        written = os.write(self.number, data)
        if written < len(data):  # the disk is full: what comes next, when it no longer is, begins a line
            os.ftruncate(self.number, os.fstat(self.number).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        return written

    def close(self) -> None:
        number, self.number = self.number, None
        if number is not None and identity_of(number) == self.identity:
            os.close(number)


def private(path: str, flags: int) -> int:
    """An opener for ``open``: a file that is made is its owner's alone."""
    return os.open(path, flags, FILE_MODE)


def identity_of(number: int) -> Identity | None:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def out_of_the_way(number: int) -> int:
    """The same file by a number that nobody counts on, where there is one."""
    try:
        import fcntl

        higher = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, FIRST_NUMBER)
    except (ImportError, OSError, ValueError):
        return number
    with contextlib.suppress(OSError):
        os.close(number)
    return higher
