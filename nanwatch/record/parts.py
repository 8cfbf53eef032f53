"""The parts of a run: one for each child process of the script's that trained, in the run's own folder.

A part is a run folder of its own, so that no process writes into what is another's.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from nanwatch.record import strict_json
from nanwatch.record.kept_file import FOLDER_MODE
from nanwatch.record.notes import ChildNotWatched
from nanwatch.record.tables import from_table
from nanwatch.record.untrusted_file import JSON_BYTES, read_text

PREFIX = "part-"
MOST_PARTS = 1000  # that are read
UNSEEN_FILE = "unseen.jsonl"  # a line for each child process that could not be watched
UNSEEN_LIMIT = 2**16  # bytes


def new_part(folder: Path, worker: str = "") -> Path:
    """Make the part of this process, or of this worker of a job, in the run's ``folder``."""
    name = worker.replace(" ", "-") or str(os.getpid())
    for attempt in range(1000):
        part = folder / (f"{PREFIX}{name}" + (f"-{attempt}" if attempt else ""))
        with contextlib.suppress(FileExistsError):
            part.mkdir(FOLDER_MODE)
            return part
    raise FileExistsError(folder)


def make_room(folder: Path, in_full: int) -> None:
    """Behind so many parts the oldest that has ended well gives up the numbers of its steps, as old fits do.

    Raises ``OSError``, ``ValueError``: it cannot be read or written to.
    """
    parts = sorted(parts_of(folder), key=lambda part: part.stat().st_mtime_ns)
    if len(parts) <= in_full:
        return
    old = parts[-in_full - 1]
    info = strict_json.loads((old / "run.json").read_bytes())
    if info.get("incident") is None and not is_alive(info.get("pid")):
        for kind in ("steps", "health"):
            for series in old.glob(f"fit-*.{kind}"):
                series.unlink(missing_ok=True)


def is_alive(pid: object) -> bool:
    """Whether there is such a process; what cannot be told counts as one."""
    if type(pid) is not int or pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def parts_of(folder: Path) -> list[Path]:
    """The parts in a run's ``folder``."""
    try:
        found = [entry for entry in os.scandir(folder) if is_part(entry)]
    except OSError:
        return []
    return [Path(entry.path) for entry in sorted(found, key=lambda entry: entry.name)[:MOST_PARTS]]


def is_part(entry: os.DirEntry[str]) -> bool:
    """No link is followed: it may lead to where no run is."""
    return entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)


def read_unseen(folder: Path) -> Iterator[ChildNotWatched]:
    """The child processes that could not be watched, each kind of command once."""
    path = folder / UNSEEN_FILE
    try:
        lines = read_text(path, JSON_BYTES)[:UNSEEN_LIMIT].splitlines()
    except OSError:
        return
    seen: set[ChildNotWatched] = set()
    for line in lines:
        try:
            found = from_table(ChildNotWatched, strict_json.loads(line))
        except (ValueError, TypeError):
            continue
        if found not in seen:
            seen.add(found)
            yield found
