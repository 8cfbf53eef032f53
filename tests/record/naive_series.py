"""A series kept the naive way, all rows in a list: the oracle for the file's fixed places."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

from nanwatch.record.series import STEP, SeriesFile, SeriesShape

COLUMNS = (STEP, "loss||value", "gradient|dense/kernel|l2_norm")


def row_of(number: int) -> tuple[float, float, float]:
    return float(number), math.sin(number / 7) + number / 100, float((number * 37) % 101)


def packed(*values: float) -> memoryview:
    return memoryview(array("d", values).tobytes())


def bucket_of(start: int, size: int) -> tuple[list[float], list[float], list[float]]:
    """Mean, min and max of each column over ``size`` rows."""
    columns = list(zip(*(row_of(number) for number in range(start, start + size)), strict=True))
    return [math.fsum(c) / size for c in columns], [min(c) for c in columns], [max(c) for c in columns]


def write(path: Path, shape: SeriesShape, total: int) -> SeriesFile:
    """A file of ``total`` rows, with every bucket put when its last row is."""
    file = SeriesFile(path, COLUMNS, shape)
    for number in range(total):
        file.append(packed(*row_of(number)))
        for level in range(shape.levels):
            size = shape.fan ** (level + 1)
            if (number + 1) % size == 0:
                index = number // size
                mean, low, high = bucket_of(index * size, size)
                file.put_bucket(level, index, packed(*mean, *low, *high))
    return file
