"""A curve in a few rows of characters; what is not finite is drawn, not left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nanwatch.explain.figures import short

LOG_FROM = 50.0  # largest over smallest: beyond it a linear curve hides its small values
ROWS = 4  # 16 dots high: enough to tell a fall from a plateau, small enough for a short window
DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))  # of a Braille cell, bottom up
BLANK = 0x2800
ASCII_DOTS = (".", "-", "'")  # three heights within a row


class CurvePiece(NamedTuple):
    """``rows`` successive rows, from number ``row``, whose mean is ``value``."""

    row: int
    rows: int
    value: float


@dataclass(frozen=True)
class Plot:
    """``rows`` and their ``labels`` from the top; in the columns ``bad`` a value was not finite."""

    rows: tuple[str, ...]
    labels: tuple[str, ...]
    bad: frozenset[int]
    logarithmic: bool


def plot(pieces: Sequence[CurvePiece], width: int, unicode: bool = True, height: int = ROWS) -> Plot:
    """The curve of ``pieces``, which follow each other, at most ``width`` characters wide."""
    across, up = (2, 4) if unicode else (1, len(ASCII_DOTS))
    points = bin_means(pieces, width * across)
    if across == 2 and len(points) <= width:  # room for each to have a character of its own
        points = [point for point in points for _ in range(2)]
    finite = [point for point in points if math.isfinite(point)]
    low, high = min(finite, default=math.nan), max(finite, default=math.nan)
    logarithmic = low > 0 and high / low >= LOG_FROM
    heights = [height_of(point, low, high, logarithmic, height * up) for point in points]
    cells = braille(heights, height) if unicode else ascii_cells(heights, height)
    bad = frozenset(place // across for place, at in enumerate(heights) if at is None)
    mark = "\N{MULTIPLICATION SIGN}" if unicode else "x"
    rows = tuple("".join(mark if n in bad else cell for n, cell in enumerate(row)) for row in cells)
    return Plot(rows, axis_labels(low, high, height), bad, logarithmic)


def axis_labels(low: float, high: float, height: int) -> tuple[str, ...]:
    """The largest value at the top, the smallest at the bottom; a constant one where it is drawn."""
    if math.isnan(low):
        return ("",) * height
    if low == high:
        return tuple(short(low) if row == height - 1 - height // 2 else "" for row in range(height))
    return (short(high), *[""] * (height - 2), short(low))


def bin_means(pieces: Sequence[CurvePiece], most: int) -> list[float]:
    """At most ``most`` means over equal stretches of rows, non-finite where one of them is."""
    start, end = pieces[0].row, pieces[-1].row + pieces[-1].rows
    columns = min(most, end - start)
    found: list[list[float]] = [[] for _ in range(columns)]
    for row, rows, value in pieces:
        first, last = ((place - start) * columns // (end - start) for place in (row, row + rows - 1))
        for column in range(first, last + 1):
            found[column].append(value)
    return [mean_of(values) for values in found]


def mean_of(values: Sequence[float]) -> float:
    bad = next((value for value in values if not math.isfinite(value)), None)
    if bad is not None:
        return bad
    return math.fsum(value / len(values) for value in values)  # divided first: a sum may overflow


def height_of(value: float, low: float, high: float, logarithmic: bool, dots: int) -> int | None:
    """The dot, from 0, at which ``value`` is drawn; None for one that is not finite."""
    if not math.isfinite(value):
        return None
    if logarithmic:
        value, low, high = math.log(value), math.log(low), math.log(high)
    span = high / 2 - low / 2  # in halves: the span of two floats may be no float
    return round((value / 2 - low / 2) / span * (dots - 1)) if span else dots // 2


def braille(heights: Sequence[int | None], rows: int) -> list[list[str]]:
    cells = [[BLANK] * math.ceil(len(heights) / 2) for _ in range(rows)]
    for place, at in enumerate(heights):
        if at is not None:
            cells[rows - 1 - at // 4][place // 2] |= DOTS[place % 2][at % 4]
    # A blank, not an empty Braille cell: some fonts draw that one as a box.
    return [[chr(cell) if cell != BLANK else " " for cell in row] for row in cells]


def ascii_cells(heights: Sequence[int | None], rows: int) -> list[list[str]]:
    up = len(ASCII_DOTS)
    cells = [[" "] * len(heights) for _ in range(rows)]
    for place, at in enumerate(heights):
        if at is not None:
            cells[rows - 1 - at // up][place] = ASCII_DOTS[at % up]
    return cells
