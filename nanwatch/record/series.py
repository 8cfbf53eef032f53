"""Numbers over steps, in a memory-mapped file of fixed size.

Layout, little endian, all numbers float64 or int64 of 8 bytes::

    magic     8 bytes  b"NANWATCH"
    header    16 int64: format, columns, head rows, recent rows, levels, level rows,
              fan, total rows written, length of the names in bytes, 7 spare
    names     the column names, UTF-8, joined by newlines, padded to 8 bytes
    head      head rows x columns: the first rows, never overwritten
    recent    recent rows x columns: a ring of the last rows
    levels    for each level, a ring of ``level rows`` buckets; a bucket of level l (from 0)
              sums up fan**(l+1) rows as 3 x columns: mean, min, max

The total is written after the row it counts, so a kill at any instant loses at most that row.
Column 0 is always the step.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from nanwatch.record.kept_file import Identity, identity_of, private
from nanwatch.record.strict_json import clearing
from nanwatch.record.untrusted_file import read_regular

MAGIC = b"NANWATCH"
VERSION = 1
HEADER = struct.Struct("<8s16q")
TOTAL_OFFSET = 8 + 7 * 8
STEP = "step||value"  # the name of column 0
OPEN_FILES = "/dev/fd"  # the numbers of this process's open files
MOST_BYTES = 2**28  # of a file: one of 10,000 columns has 16 MB, and grows with them from there on
MOST_LEVELS = 64  # as many as double a number of 64 bits
LONGEST = 2**53  # steps: beyond it a float does not hold each whole number
LEAST_RECENT = 16  # rows: a file that is too large even so is as large as it is


@dataclass(frozen=True)
class SeriesShape:
    """How many rows a series file keeps, at which resolution.

    The levels reach back over ``level_rows * fan**levels`` rows: 134 million unless said.
    """

    head: int = 128
    recent: int = 512
    levels: int = 7
    level_rows: int = 64
    fan: int = 8

    def fit_to(self, columns: int, limit: int) -> SeriesShape:
        """This shape, or one halved until the file takes at most ``limit`` bytes.

        A level keeps at least ``fan`` buckets, so that it reaches back to where the next begins.
        """
        shape = self
        while shape.cells() * columns * 8 > limit and shape.recent > LEAST_RECENT:
            level_rows = min(shape.level_rows, max(shape.level_rows // 2, shape.fan))
            shape = replace(shape, head=shape.head // 2, recent=shape.recent // 2, level_rows=level_rows)
        return shape

    def cells(self) -> int:
        return self.head + self.recent + self.levels * self.level_rows * 3


@dataclass(frozen=True)
class Bucket:
    """``count`` successive rows summed up, the first of them at row number ``row``."""

    row: int
    count: int
    mean: float
    min: float
    max: float


def column_name(role: str, path: str, stat: str) -> str:
    """The name of a column: ``"gradient|dense/kernel|l2_norm"``."""
    return f"{role}|{path}|{stat}".replace("\n", " ")


class SeriesFile:
    """The writing side: rows in, bytes at fixed places. The caller sums up buckets."""

    def __init__(self, path: Path, columns: Sequence[str], shape: SeriesShape) -> None:
        self.columns = tuple(columns)
        self.shape = shape
        names = "\n".join(columns).encode(errors="replace")
        names += b" " * (-len(names) % 8)
        self.head_at = HEADER.size + len(names)
        self.recent_at = self.head_at + shape.head * self.width
        self.levels_at = self.recent_at + shape.recent * self.width
        size = self.levels_at + shape.levels * shape.level_rows * 3 * self.width
        with clearing(path), open(path, "w+b", opener=private) as file:
            reserve(file.fileno(), size)
            self.map = mmap.mmap(file.fileno(), size)
            self.number, self.identity = number_beside(file.fileno())
        s = shape
        numbers = [VERSION, len(columns), s.head, s.recent, s.levels, s.level_rows, s.fan, 0, len(names)]
        self.map[: HEADER.size] = HEADER.pack(MAGIC, *numbers, *[0] * 7)
        self.map[HEADER.size : self.head_at] = names
        self.total = 0

    @property
    def width(self) -> int:
        """Bytes of a row."""
        return 8 * len(self.columns)

    def append(self, row: bytes | memoryview) -> None:
        """One row: ``len(columns)`` float64."""
        if self.total < self.shape.head:
            at = self.head_at + self.total * self.width
            self.map[at : at + self.width] = bytes(row)
        at = self.recent_at + self.total % self.shape.recent * self.width
        self.map[at : at + self.width] = bytes(row)
        self.total += 1
        self.map[TOTAL_OFFSET : TOTAL_OFFSET + 8] = struct.pack("<q", self.total)

    def put_bucket(self, level: int, index: int, bucket: bytes | memoryview) -> None:
        """Bucket number ``index`` of ``level``: mean, min and max, 3 x columns float64."""
        ring = (level * self.shape.level_rows + index % self.shape.level_rows) * 3 * self.width
        at = self.levels_at + ring
        self.map[at : at + 3 * self.width] = bytes(bucket)

    def flush(self) -> None:
        self.map.flush()

    def close(self) -> None:
        if self.number is not None and identity_of(self.number) != self.identity:
            keep_for_ever(self.map)  # it would close what is a file of the script's by now
            return
        self.map.close()


def number_beside(number: int) -> tuple[int | None, Identity | None]:
    """The other number of the file ``number``, where the system tells, and which file it is."""
    identity = identity_of(number)
    try:
        others = [int(name) for name in os.listdir(OPEN_FILES)]
    except (OSError, ValueError):
        return None, identity
    found = (other for other in others if other != number and identity_of(other) == identity)
    return next(found, None), identity


def keep_for_ever(thing: object) -> None:
    """Past the end of the interpreter, which takes apart what it can reach."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def reserve(file: int, size: int) -> None:
    """Take ``size`` bytes on disk now: a write to a mapped page of a full disk kills the process."""
    os.truncate(file, size)
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)


class Series:
    """The reading side. Columns are asked for by role, path and statistic.

    Rows are float64; a value that was not measured in a row is NaN only if it *was* NaN, so a
    series never holds gaps: what is measured rarely has a series of its own.
    """

    def __init__(
        self,
        columns: Sequence[str],
        head: Sequence[Sequence[float]],
        recent: Sequence[Sequence[float]],
        total: int,
        levels: Sequence[Sequence[tuple[int, Sequence[float]]]] = (),
        fan: int = 8,
    ) -> None:
        self.columns = tuple(columns)
        self.index = {name: number for number, name in enumerate(self.columns)}
        self.total = total
        self.fan = fan
        self.levels = levels  # per level, finest first: (bucket number, mean + min + max)
        first_recent = total - len(recent)
        kept = [(number, row) for number, row in enumerate(head) if number < first_recent]
        self.rows = kept + [(first_recent + number, row) for number, row in enumerate(recent)]
        self.misplaced = 0  # rows and buckets that a reader has left out

    @classmethod
    def from_rows(cls, columns: Sequence[str], rows: Sequence[Sequence[float]]) -> Series:
        """A series held in memory, for examples and tests; all rows are recent."""
        return cls(columns, [], rows, len(rows))

    def __len__(self) -> int:
        return self.total

    def has_column(self, role: str, path: str = "", stat: str = "value") -> bool:
        return column_name(role, path, stat) in self.index

    def paths(self, role: str, stat: str) -> list[str]:
        """The paths that are recorded for ``role`` with ``stat``, in the model's order."""
        parts = (name.split("|") for name in self.columns)
        return ["|".join(p[1:-1]) for p in parts if p[0] == role and p[-1] == stat]

    def values(self, role: str, path: str = "", stat: str = "value") -> list[tuple[int, float]]:
        """(step, value) at full resolution: the first rows of the run, and the last ones."""
        number = self.index.get(column_name(role, path, stat))
        if number is None:
            return []
        return [(int(row[0]), row[number]) for _, row in self.rows]

    def norms(self, role: str, stat: str = "l2_norm") -> list[tuple[int, float]]:
        """(step, root of the sum of squares over all paths), at full resolution; empty without any path."""
        numbers = [self.index[column_name(role, path, stat)] for path in self.paths(role, stat)]
        if not numbers:
            return []
        first, end = numbers[0], numbers[-1] + 1
        if end - first == len(numbers):  # as they are written: side by side
            return [(int(row[0]), math.hypot(*row[first:end])) for _, row in self.rows]
        return [(int(row[0]), math.hypot(*(row[number] for number in numbers))) for _, row in self.rows]

    def recent_values(
        self, role: str, path: str = "", stat: str = "value", last: int | None = None
    ) -> list[float]:
        """The values of the last rows without a gap between them, oldest first."""
        number = self.index.get(column_name(role, path, stat))
        if number is None:
            return []
        run: list[float] = []
        expected = self.total - 1
        for place, row in reversed(self.rows):
            if place != expected or (last is not None and len(run) >= last):
                break
            run.append(row[number])
            expected -= 1
        return run[::-1]

    def first_values(self, role: str, path: str = "", stat: str = "value") -> list[float]:
        """The values of the first rows without a gap between them."""
        number = self.index.get(column_name(role, path, stat))
        if number is None:
            return []
        return [row[number] for expected, (place, row) in enumerate(self.rows) if place == expected]

    def timeline(self, role: str, path: str = "", stat: str = "value") -> list[Bucket]:
        """The whole run without gaps or overlap: full resolution where it is kept, else buckets.

        A bucket at a seam counts only its rows that are not kept at a finer resolution; its
        mean, min and max are still those of all its rows.
        """
        number = self.index.get(column_name(role, path, stat))
        if number is None:
            return []
        low, high = len(self.columns) + number, 2 * len(self.columns) + number
        return [
            Bucket(row, count, cells[number], cells[low], cells[high])
            if summed
            else Bucket(row, 1, cells[number], cells[number], cells[number])
            for row, count, cells, summed in self.tiling
        ]

    def means(self, role: str, path: str = "", stat: str = "value") -> list[tuple[float, float]]:
        """(step, value) of the whole run: as `timeline`, a bucket's mean at its mean step."""
        number = self.index.get(column_name(role, path, stat))
        return [] if number is None else [(cells[0], cells[number]) for _, _, cells, _ in self.tiling]

    @cached_property
    def tiling(self) -> list[tuple[int, int, Sequence[float], bool]]:
        """(first row, rows, cells, whether they are mean, min and max), in order."""
        pieces = [(place, 1, row, False) for place, row in self.rows]
        gaps = gaps_between([place for place, _ in self.rows])
        for level, buckets in enumerate(self.levels):
            size = self.fan ** (level + 1)
            for index, cells in buckets:
                for first, end in gaps:
                    start, stop = max(first, index * size), min(end, (index + 1) * size)
                    if start < stop:
                        pieces.append((start, stop - start, cells, True))
            if buckets:
                gaps = subtract_gap(gaps, buckets[0][0] * size, (buckets[-1][0] + 1) * size)
        return sorted(pieces, key=lambda piece: piece[0])


def gaps_between(places: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches of rows, first and end, that lie before or between ``places``."""
    return [(before + 1, place) for before, place in pairwise((-1, *places)) if place > before + 1]


def subtract_gap(gaps: Sequence[tuple[int, int]], first: int, end: int) -> list[tuple[int, int]]:
    """``gaps`` less the rows from ``first`` to before ``end``."""
    pieces = [piece for a, b in gaps for piece in ((a, min(b, first)), (max(a, end), b))]
    return [(a, b) for a, b in pieces if a < b]


def read_series(path: Path) -> Series:
    """The series in ``path``, less what cannot have been written where it stands.

    Raises:
        ValueError: it is no series, or is cut short.
        OSError: it cannot be read, or is too large to be one.
    """
    data = read_regular(path, MOST_BYTES)
    if len(data) < HEADER.size:
        raise ValueError("shorter than its header")
    magic, version, width, head, recent, levels, level_rows, fan, total, names, *_ = HEADER.unpack(
        data[: HEADER.size]
    )
    if magic != MAGIC:
        raise ValueError("not a nanwatch series")
    if version > VERSION:
        raise ValueError(f"series format {version}, newer than {VERSION}")
    if min(width, recent, fan - 1) < 1 or min(head, levels, level_rows, total, names) < 0:
        raise ValueError("its header makes no sense")
    if levels > MOST_LEVELS or (levels and not level_rows) or total > LONGEST or fan > LONGEST:
        raise ValueError("its header makes no sense")
    shape = SeriesShape(head, recent, levels, level_rows, fan)
    start = HEADER.size + names
    if len(data) < start + shape.cells() * width * 8:
        raise ValueError("cut short")
    columns = data[HEADER.size : start].decode().rstrip(" ").split("\n")
    if len(columns) != width:
        raise ValueError(f"{len(columns)} names for {width} columns")
    if columns[0] != STEP:
        raise ValueError("its first column is not the step")
    if any(name.count("|") < 2 for name in columns):
        raise ValueError("a column has no name")
    cells = memoryview(data)[start : start + shape.cells() * width * 8].cast("d")

    def row(number: int) -> memoryview[float]:
        return cells[number * width : (number + 1) * width]

    # The oldest row's place is the one that the next row is written to, and a kill, or a reader
    # beside a living run, may find it half written: it is not read.
    oldest = max(0, total - recent + 1)
    found = Series(
        columns,
        [row(place) for place in range(min(head, total))],
        [row(head + place % recent) for place in range(oldest, total)],
        total,
        [list(level_buckets(cells, shape, level, total, width)) for level in range(levels)],
        fan,
    )
    leave_out_misplaced(found)
    return found


def leave_out_misplaced(series: Series) -> None:
    """Rows whose step is none, or is not behind that of the row before; buckets that hold no such stretch.

    A row has at least as high a step as its own place: no step is written twice.
    """
    rows, last = [], -1.0
    for place, row in series.rows:
        step = row[0]
        if max(last + 1, place) <= step <= LONGEST and step == int(step):
            rows.append((place, row))
            last = step
    series.misplaced = len(series.rows) - len(rows)
    series.rows = rows
    levels = []
    for level, buckets in enumerate(series.levels):
        kept = stretches(buckets, len(series.columns), series.fan ** (level + 1))
        missing = len(buckets) - len(kept)
        torn = (
            bool(missing) and kept[-1:] != buckets[-1:]
        )  # the rows of the last are counted before it stands
        series.misplaced += missing - torn
        levels.append(kept)
    series.levels = levels
    series.total = rows[-1][0] + 1 if rows else 0  # what is behind the last row that is one is not known


def stretches(
    buckets: Sequence[tuple[int, Sequence[float]]], width: int, size: int
) -> list[tuple[int, Sequence[float]]]:
    """Those whose mean, least and largest step can be those of their ``size`` rows."""
    kept, last = [], -1.0
    for number, cells in buckets:
        mean, least, most = cells[0], cells[width], cells[2 * width]
        if max(last + 1, number * size) <= least <= mean <= most <= LONGEST:
            kept.append((number, cells))
            last = most
    return kept


def level_buckets(
    cells: memoryview[float], shape: SeriesShape, level: int, total: int, width: int
) -> Iterator[tuple[int, memoryview[float]]]:
    """The complete buckets that ``level`` still holds, as (bucket number, its cells)."""
    complete = total // shape.fan ** (level + 1)
    base = shape.head + shape.recent
    for index in range(max(0, complete - shape.level_rows), complete):
        ring = (level * shape.level_rows + index % shape.level_rows) * 3
        at = (base + ring) * width
        yield index, cells[at : at + 3 * width]
