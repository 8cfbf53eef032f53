"""A file to a `Log`: which format it is, and the sentence where it is none."""

from __future__ import annotations

import io
import itertools
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from nanwatch.errors import LogUnreadable
from nanwatch.foreign.log import Log
from nanwatch.foreign.reading.console import read_console
from nanwatch.foreign.reading.csv_log import read_csv, separator_of
from nanwatch.foreign.reading.event_file import NotAnEventFile, is_event_file, read_events, size_of
from nanwatch.foreign.reading.history import read_history
from nanwatch.foreign.reading.limits import MOST_BYTES
from nanwatch.foreign.reading.notebook_output import is_notebook, output_lines
from nanwatch.foreign.reading.terminal_text import encoding_of, lines_of

STDIN = "-"
HEAD = 4096  # bytes that tell the formats apart
MOST_HISTORY = 16 * 2**20  # bytes of a history or a notebook, which are read as a whole
EVENT_FILES = "*tfevents*"
MOST_FILES = 64
KNOWN = "a console log of Keras, a CSV of CSVLogger, history.history or an event file of TensorBoard"


def read_log(path: Path) -> Log:
    """The log in ``path``, a file, or a folder with event files; "-" is what comes by stdin.

    Raises:
        LogUnreadable: there is nothing in it that tells of a training, or it is too large.
    """
    try:
        if str(path) == STDIN:
            found = read_stream(path, from_stdin())
        else:
            found = read_folder(path) if path.is_dir() else read_file(path)
    except OSError as error:
        raise LogUnreadable(f"{path} cannot be read: {error.strerror}.") from error
    if not found.trainings:
        raise LogUnreadable(f"{name_of(path)} has no epoch of a training in it; what is read is {KNOWN}.")
    return found


def name_of(path: Path) -> str:
    return "What came by stdin" if str(path) == STDIN else str(path)


def from_stdin() -> BinaryIO:
    """All that comes, of which more than a file may have is not waited for."""
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise LogUnreadable(f"More than {MOST_BYTES // 2**20} MB came by stdin, and no more are read.")
    return io.BytesIO(data)


def read_file(path: Path) -> Log:
    with open_log(path) as stream:
        return read_stream(path, stream)


def read_stream(path: Path, stream: BinaryIO) -> Log:
    head = stream.read(HEAD)
    stream.seek(0)
    if not head.strip():
        raise LogUnreadable(f"{name_of(path)} is empty.")
    if is_event_file(head):
        return read_event_files([(path, stream)])
    encoding = encoding_of(head)
    if encoding == "utf-8-sig" and b"\0" in head:
        raise LogUnreadable(f"{name_of(path)} is a binary file; what is read is {KNOWN}.")
    return read_text(stream, encoding)


def read_text(stream: BinaryIO, encoding: str) -> Log:
    size = size_of(stream)
    if size <= MOST_HISTORY:
        text = stream.read().decode(encoding, "replace")
        if text.lstrip()[:1] in ("{", "[") or "history" in text[:HEAD] or "defaultdict(" in text[:HEAD]:
            if is_notebook(text):
                return read_console(output_lines(text))
            found = read_history(text)
            if found is not None:
                return found
        stream.seek(0)
    lines = lines_of(stream, encoding)
    first = next(lines, "")
    separator = separator_of(first)
    if separator is not None:
        return read_csv(lines, first, separator)
    found = read_console(itertools.chain([first], lines))
    if not found.trainings and size <= MOST_HISTORY:  # a printed dict among other output
        stream.seek(0)
        found = read_history(stream.read().decode(encoding, "replace")) or found
    return found


def open_log(path: Path) -> BinaryIO:
    """The file, opened; a pipe or a device, which may never end, is not.

    Raises:
        LogUnreadable: it is none that is read, or too large.
    """
    facts = os.stat(path)
    if not stat.S_ISREG(facts.st_mode):
        raise LogUnreadable(f"{path} is no file; write the log to a file first.")
    if facts.st_size > MOST_BYTES:
        raise LogUnreadable(
            f"{path} has {facts.st_size / 2**20:,.0f} MB, and at most {MOST_BYTES // 2**20} MB are read; "
            "cut out the part in which the training went wrong."
        )
    return open(path, "rb")


def read_folder(folder: Path) -> Log:
    """The event files of the newest training in ``folder``: its own, or those in train and validation."""
    groups = [found for place in event_folders(folder) if (found := newest_files(place))]
    if not groups:
        raise LogUnreadable(f"{folder} has neither a run of nanwatch's nor event files of TensorBoard in it.")
    newest = max(groups, key=lambda files: max(file.stat().st_mtime for file in files))
    with ExitStack() as opened:
        return read_event_files([(file, opened.enter_context(open_log(file))) for file in newest])


def event_folders(folder: Path) -> Iterator[Path]:
    yield folder
    yield from itertools.islice((each for each in sorted(folder.iterdir()) if each.is_dir()), MOST_FILES)


def newest_files(folder: Path) -> list[Path]:
    """The newest event file of ``folder`` itself, and of its ``train`` and ``validation``."""
    places = [folder] if folder.name in ("train", "validation") else [folder / "train", folder / "validation"]
    files = [newest for place in (*places, folder) if (newest := newest_in(place)) is not None]
    return list(dict.fromkeys(files))


def newest_in(folder: Path) -> Path | None:
    """Of the files with an epoch's numbers; Keras writes those of steps and graphs elsewhere."""
    files = [file for file in folder.glob(EVENT_FILES) if file.is_file() and "profile" not in file.name]
    return max(files, key=lambda file: file.stat().st_mtime, default=None)


def read_event_files(files: list[tuple[Path, BinaryIO]]) -> Log:
    try:
        return read_events([(path.absolute().parent.name, stream) for path, stream in files])
    except NotAnEventFile as error:
        names = " and ".join(str(path) for path, _ in files)
        raise LogUnreadable(f"{names} is damaged: a record does not have its checksum.") from error
