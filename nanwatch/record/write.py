"""The writing side of a run folder."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nanwatch.record import strict_json
from nanwatch.record.events import EventLog
from nanwatch.record.facts import RunInfo
from nanwatch.record.fit_files import FitFiles
from nanwatch.record.kept_file import FOLDER_MODE, private
from nanwatch.record.read import FORMAT, RUN_FILE
from nanwatch.record.series import SeriesFile, SeriesShape
from nanwatch.record.tables import to_table

SERIES_BYTES = 16 * 2**20  # at most, for one series file
LONGEST_STEM = 150  # of a script's name; a file's own has 255 bytes
FITS_IN_FULL = 24  # later fits reuse the room of the oldest that ended well


def new_folder(log_dir: Path, script: str) -> Path:
    """Make ``log_dir/<UTC time>-<script>-<pid>/``; a name already taken gets a number behind."""
    make_log_folder(log_dir)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", Path(script).stem)[:LONGEST_STEM] or "script"
    for attempt in range(1000):
        folder = log_dir / (f"{now}-{stem}-{os.getpid()}" + (f"-{attempt}" if attempt else ""))
        try:
            folder.mkdir(FOLDER_MODE, parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise
            continue
        return folder
    raise FileExistsError(log_dir)


def make_log_folder(log_dir: Path) -> None:
    """One that is there already is left as it is; git is told to pass over one that is made."""
    if log_dir.exists():
        return
    log_dir.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # another worker was quicker
        log_dir.mkdir(FOLDER_MODE)
        with open(log_dir / ".gitignore", "x", opener=private) as file:
            file.write("*\n")


class RunWriter:
    """One run folder. Its JSON files are each replaced as a whole; events are appended at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fits = FitFiles(folder)
        self.events = EventLog(folder / "events.jsonl")

    def save(self, info: RunInfo) -> None:
        """Everything at once, fits and models by their places."""
        self.save_run(info)
        for number, model in enumerate(info.models):
            self.fits.save_model(number, model)
        for number, fit in enumerate(info.fits):
            self.fits.save_fit(replace(fit, index=number))

    def save_run(self, info: RunInfo) -> None:
        """``run.json``: the run without its fits and models."""
        table = {"nanwatch_format": FORMAT, **to_table(replace(info, models=(), fits=()))}
        strict_json.replace_file(self.folder / RUN_FILE, table)

    def touch(self) -> None:
        """``run.json`` is as it is to be: it is known by its time that the run goes on."""
        os.utime(self.folder / RUN_FILE)

    def series(self, fit: int, kind: str, columns: Sequence[str], shape: SeriesShape) -> SeriesFile:
        """A new series file for ``fit``; ``kind`` is "steps" or "health"."""
        path = self.folder / f"fit-{fit}.{kind}"
        return SeriesFile(path, columns, shape.fit_to(len(columns), SERIES_BYTES))

    def drop_series(self, fit: int) -> None:
        for kind in ("steps", "health"):
            (self.folder / f"fit-{fit}.{kind}").unlink(missing_ok=True)

    def close(self) -> None:
        self.events.close()
        self.fits.close()
