"""Rows into a series file, and sums over ever longer stretches of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nanwatch.record.series import STEP, SeriesFile, SeriesShape
from nanwatch.record.write import RunWriter

Row = npt.NDArray[np.float64]
STEPS_SHAPE = SeriesShape(head=256, recent=1024, levels=7, level_rows=64)
HEALTH_SHAPE = SeriesShape(head=32, recent=128, levels=0, level_rows=0)


class SeriesWriter:
    """Appends rows to one series file and keeps its levels."""

    def __init__(self, file: SeriesFile) -> None:
        self.file = file
        width, levels = len(file.columns), file.shape.levels
        self.total = np.zeros((levels, width))
        self.low = np.full((levels, width), np.inf)
        self.high = np.full((levels, width), -np.inf)

    def add(self, row: Row) -> None:
        """Append ``row``, float64 of shape (columns,)."""
        self.add_all(row[np.newaxis])

    def add_all(self, rows: Row) -> None:
        """Append ``rows``, float64 of shape (rows, columns)."""
        while len(rows):
            room = self.file.shape.fan - self.file.total % self.file.shape.fan
            part, rows = rows[:room], rows[room:]
            for row in part:
                self.file.append(row.tobytes())
            if len(self.total):
                self.take(0, part.sum(axis=0), part.min(axis=0), part.max(axis=0))
                self.fill_levels()

    def fill_levels(self) -> None:
        """Write the buckets that are full, each into the next level."""
        fan = self.file.shape.fan
        for level in range(self.file.shape.levels):
            size = fan ** (level + 1)
            if self.file.total % size:
                return
            mean, low, high = self.total[level] / fan, self.low[level].copy(), self.high[level].copy()
            bucket = np.concatenate([mean, low, high])
            self.file.put_bucket(level, self.file.total // size - 1, bucket.tobytes())
            self.total[level], self.low[level], self.high[level] = 0.0, np.inf, -np.inf
            if level + 1 < len(self.total):
                self.take(level + 1, mean, low, high)

    def take(self, level: int, total: Row, low: Row, high: Row) -> None:
        """Add rows to a bucket of ``level``: their sums, least and largest, float64 of shape (columns,)."""
        self.total[level] += total
        np.minimum(self.low[level], low, out=self.low[level])
        np.maximum(self.high[level], high, out=self.high[level])

    def close(self) -> None:
        self.file.close()


def open_series(writer: RunWriter, fit: int, kind: str, columns: Sequence[str]) -> SeriesWriter:
    """A new series of ``fit``; the step's column is put in front."""
    shape = STEPS_SHAPE if kind == "steps" else HEALTH_SHAPE
    return SeriesWriter(writer.series(fit, kind, [STEP, *columns], shape))


def path_of(writer: RunWriter, fit: int, kind: str) -> Path:
    return writer.folder / f"fit-{fit}.{kind}"
