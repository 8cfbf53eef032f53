"""Reads a run again and again while it is written, and of it only what has changed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from nanwatch.record.read import (
    RUN_FILE,
    add_fits,
    brief_fits,
    by_fit,
    fit_of,
    read_log,
    read_part,
    read_run_file,
    read_whole,
)
from nanwatch.record.run import EMPTY, Run
from nanwatch.record.series import TOTAL_OFFSET
from nanwatch.record.trials import read_trials
from nanwatch.record.untrusted_file import open_regular

T = TypeVar("T")
Mark = tuple[int, ...]  # equal as long as a file has not changed


class Follower:
    """One run folder. `changed` tells whether the last `read` found anything new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: dict[Path, Follower] = {}
        self.kept: dict[str, tuple[Mark | None, Any]] = {}
        self.asked: set[str] = set()  # the names of the files that were wanted this time
        self.changed = False

    def read(self) -> Run:
        """The run as it is now.

        Raises:
            NanwatchError: ``run.json`` is gone, or is not a run of nanwatch's.
        """
        self.changed = False
        return read_whole(self.folder, self.read_process)

    def read_process(self, folder: Path) -> Run:
        """The record of the script's own process, or of a part."""
        if folder == self.folder:
            return self.read_own()
        follower = self.parts.setdefault(folder, Follower(folder))
        follower.changed = False
        try:
            return follower.read_own()
        finally:
            self.changed |= follower.changed

    def read_own(self) -> Run:
        self.asked.clear()
        try:
            return self.read_files()
        finally:
            for name in self.kept.keys() - self.asked:  # a fit has given up its files
                del self.kept[name]

    def read_files(self) -> Run:
        damage: list[str] = []
        own, found = self.read_if_changed(RUN_FILE, mark_of_file, lambda: read_run_file(self.folder))
        info = add_fits(own, found, self.folder, damage, self.read_file)
        read = functools.partial(read_log, without_epochs=brief_fits(info))
        events = self.read_file("events.jsonl", lambda: self.read_with_damage(read, "events.jsonl"))
        damage += events[1]
        told = by_fit(events[0])
        fits = []
        for fit in info.fits:
            kinds = () if fit.brief else ("steps", "health")
            series = [self.read_series_file(f"fit-{fit.index}.{kind}", damage) for kind in kinds]
            fits.append(fit_of(fit, info, told.get(fit.index, ()), *(series or (EMPTY, EMPTY))))
        return Run(info, fits, self.folder, read_trials(self.folder, damage), damage)

    def read_series_file(self, name: str, damage: list[str]) -> Any:
        found, said = self.read_if_changed(
            name, mark_of_series, lambda: self.read_with_damage(read_part, name)
        )
        damage += said
        return found

    def read_with_damage(self, read: Callable[[Path, list[str]], T], name: str) -> tuple[T, list[str]]:
        said: list[str] = []
        return read(self.folder / name, said), said

    def read_file(self, name: str, read: Callable[[], T]) -> T:
        found: T = self.read_if_changed(name, mark_of_file, read)
        return found

    def read_if_changed(
        self, name: str, mark_of: Callable[[Path], Mark | None], read: Callable[[], Any]
    ) -> Any:
        """What ``read`` gives, or gave when the file was as it is now."""
        self.asked.add(name)
        mark = mark_of(self.folder / name)  # before it is read: what is written meanwhile is read next time
        if name not in self.kept or self.kept[name][0] != mark:
            self.kept[name] = mark, read()
            self.changed = True
        return self.kept[name][1]


def mark_of_file(path: Path) -> Mark | None:
    """Of a file that is replaced or grows; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def mark_of_series(path: Path) -> Mark | None:
    """Of a series: how many rows it has. Its time of change says little, for it is mapped memory."""
    try:
        with open(open_regular(path), "rb") as file:
            file.seek(TOTAL_OFFSET)
            return os.fstat(file.fileno()).st_ino, int.from_bytes(file.read(8), "little")
    except OSError:
        return None
