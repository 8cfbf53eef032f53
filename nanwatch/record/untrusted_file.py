"""Reads a file that may be anything: no link, no pipe, no device, and no more of it than is meant."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

# A pipe that nobody writes to is opened at once, instead of never; a link is not followed.
FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
    FLAGS |= getattr(os, _name, 0)
KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotAFile(OSError):
    """What stands there is no file, or too large to be what it should be. ``strerror`` says so."""

    def __init__(self, said: str) -> None:
        super().__init__(errno.EINVAL, said)


def read_regular(path: Path, limit: int) -> bytes:
    """All of the file.

    Raises:
        OSError: it is not there, may not be read, is something else, or has more than ``limit`` bytes.
    """
    number = open_regular(path)
    with open(number, "rb") as file:
        size = os.fstat(number).st_size
        if size > limit:
            raise NotAFile(f"it has {size:,} bytes, and {limit:,} are the most that it may have")
        return file.read(limit)


def open_regular(path: Path) -> int:
    """The number of the file, opened for reading. Raises as `read_regular` does."""
    try:
        check_kind(os.lstat(path).st_mode)
        number = os.open(path, FLAGS)
    except ValueError as error:  # a NUL in it
        raise NotAFile(str(error)) from error
    try:
        check_kind(os.fstat(number).st_mode)  # another may have come meanwhile
    except OSError:
        os.close(number)
        raise
    return number


def check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        said = next((words for is_kind, words in KINDS if is_kind(mode)), "something else")
        raise NotAFile(f"it is {said}, and no file")
