"""The writing side of a run folder."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Sequence
from pathlib import Path

from nanwatch.record import strict_json
from nanwatch.record.events import EventLog
from nanwatch.record.facts import RunInfo
from nanwatch.record.read import FORMAT, RUN_FILE
from nanwatch.record.series import SeriesFile, SeriesShape
from nanwatch.record.tables import to_table

SERIES_BYTES = 16 * 2**20  # at most, for one series file
LONGEST_STEM = 150  # of a script's name; a file's own has 255 bytes
FITS_IN_FULL = 24  # later fits reuse the oldest healthy fit's room


def new_folder(log_dir: Path, script: str) -> Path:
    """Make ``log_dir/<UTC time>-<script>-<pid>/``; a name already taken gets a number behind."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", Path(script).stem)[:LONGEST_STEM] or "script"
    for attempt in range(1000):
        folder = log_dir / (f"{now}-{stem}-{os.getpid()}" + (f"-{attempt}" if attempt else ""))
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise
            continue
        return folder
    raise FileExistsError(log_dir)


class RunWriter:
    """One run folder. `save` replaces ``run.json`` as a whole; events are appended at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events = EventLog(folder / "events.jsonl")

    def save(self, info: RunInfo) -> None:
        table = {"nanwatch_format": FORMAT, **to_table(info)}
        strict_json.replace_file(self.folder / RUN_FILE, table)

    def series(self, fit: int, kind: str, columns: Sequence[str], shape: SeriesShape) -> SeriesFile:
        """A new series file for ``fit``; ``kind`` is "steps" or "health"."""
        path = self.folder / f"fit-{fit}.{kind}"
        return SeriesFile(path, columns, shape.fit_to(len(columns), SERIES_BYTES))

    def drop_series(self, fit: int) -> None:
        for kind in ("steps", "health"):
            (self.folder / f"fit-{fit}.{kind}").unlink(missing_ok=True)

    def close(self) -> None:
        self.events.close()
