"""Reads a file that may be anything: no link, no pipe, no device, and no more of it than is meant."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanwatch.record import strict_json

# A pipe that nobody writes to is opened at once, instead of never; a link is not followed.
WANTED = ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")
KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# A table of 4096 columns takes 0.6 MB and 65,000 signs, and a fit has two or three.
JSON_BYTES = 24 * 2**20  # of one file
JSON_SIGNS = 2_000_000  # that begin or part values: what an object costs in memory, its bytes do not tell
RUN_BYTES = 48 * 2**20  # of all such files of a run
RUN_SIGNS = 4_000_000
TOO_LARGE = "the files of the run are larger together than those of any run"


class NotAFile(OSError):
    """What stands there is no file, or too large to be what it should be. ``strerror`` says so."""

    def __init__(self, said: str) -> None:
        super().__init__(errno.EINVAL, said)

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass
class Allowance:
    """What may still be read of a run, which may have thousands of files."""

    size: int = RUN_BYTES
    signs: int = RUN_SIGNS

    def take(self, size: int, signs: int) -> None:
        """Raises `NotAFile` where there is not so much left."""
        if size > self.size or signs > self.signs:
            raise NotAFile(TOO_LARGE)
        self.size -= size
        self.signs -= signs


ALLOWANCE: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


@contextlib.contextmanager
def of_one_run() -> Iterator[None]:
    """The files that are read in this block are those of one run."""
    token = ALLOWANCE.set(Allowance())
    try:
        yield
    finally:
        ALLOWANCE.reset(token)


def read_regular(path: Path, limit: int, together: int | None = None) -> bytes:
    """All of the file.

    Raises:
        OSError: it is not there, may not be read, is something else, or has more than ``limit`` bytes, or
            more than are left of those that the files of a run may have ``together``.
    """
    number = open_regular(path)
    with open(number, "rb") as file:
        size = os.fstat(number).st_size
        if size > limit:
            raise NotAFile(f"it has {size:,} bytes, and {limit:,} are the most that it may have")
        if together is not None and size > together:
            raise NotAFile(TOO_LARGE)
        return file.read(limit)


def read_json(path: Path) -> Any:
    """What the file holds. Raises ``OSError`` as `read_regular` does, ``ValueError`` where it is no JSON."""
    return strict_json.loads(read_text(path, JSON_BYTES))


def read_text(path: Path, limit: int) -> bytes:
    """As `read_regular`; of a run's files together there is a limit too."""
    allowance = ALLOWANCE.get()
    data = read_regular(path, limit, None if allowance is None else allowance.size)
    signs = sum(map(data.count, (b",", b":", b"[", b"{")))
    if signs > JSON_SIGNS:
        raise NotAFile(f"it has {signs:,} values or more, and {JSON_SIGNS:,} are the most that it may have")
    if allowance is not None:
        allowance.take(len(data), signs)
    return data


def open_regular(path: Path) -> int:
    """The number of the file, opened for reading. Raises as `read_regular` does."""
    try:
        check_kind(os.lstat(path).st_mode)
        flags = os.O_RDONLY
        for name in WANTED:
            flags |= getattr(os, name, 0)
        number = os.open(path, flags)
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
