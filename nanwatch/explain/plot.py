"""A curve in a few rows of characters; what is not finite is drawn, not left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nanwatch.explain.figures import short

LOG_FROM = 50.0  # largest over smallest: beyond it a linear curve hides its small values
ROWS = 4  # 16 dots high: enough to tell a fall from a plateau, small enough for a short window
DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))  # of a Braille cell, bottom up
BLANK = 0x2800
ASCII_DOTS = (".", "-", "'")  # three heights within a row


@dataclass(frozen=True)
class Plot:
    """``rows`` from the top; ``bad`` are the columns in which a value was not finite."""

    rows: tuple[str, ...]
    bad: frozenset[int]
    top: str
    bottom: str
    logarithmic: bool


def plot(values: Sequence[float], width: int, unicode: bool = True, height: int = ROWS) -> Plot:
    """The curve of ``values``, at most ``width`` characters wide."""
    across, up = (2, 4) if unicode else (1, len(ASCII_DOTS))
    points = binned(values, width * across)
    finite = [point for point in points if math.isfinite(point)]
    low, high = min(finite, default=math.nan), max(finite, default=math.nan)
    logarithmic = low > 0 and high / low >= LOG_FROM
    heights = [height_of(point, low, high, logarithmic, height * up) for point in points]
    cells = braille(heights, height) if unicode else ascii_cells(heights, height)
    bad = frozenset(place // across for place, at in enumerate(heights) if at is None)
    mark = "\N{MULTIPLICATION SIGN}" if unicode else "x"
    rows = tuple("".join(mark if n in bad else cell for n, cell in enumerate(row)) for row in cells)
    return Plot(rows, bad, short(high), short(low), logarithmic)


def binned(values: Sequence[float], most: int) -> list[float]:
    """At most ``most`` values: means of neighbours, non-finite where one of them is."""
    if len(values) <= most:
        return list(values)
    edges = [len(values) * number // most for number in range(most + 1)]
    return [mean_of(values[start:end]) for start, end in pairwise(edges)]


def mean_of(values: Sequence[float]) -> float:
    bad = next((value for value in values if not math.isfinite(value)), None)
    if bad is not None:
        return bad
    return math.fsum(value / len(values) for value in values)  # divided first: a sum may overflow


def height_of(value: float, low: float, high: float, logarithmic: bool, dots: int) -> int | None:
    """The dot, from 0, at which ``value`` is drawn; None for one that is not finite."""
    if not math.isfinite(value):
        return None
    if high == low:
        return dots // 2
    if logarithmic:
        value, low, high = math.log(value), math.log(low), math.log(high)
    share = value / 2 - low / 2, high / 2 - low / 2  # halves: the span of floats is no float
    return round(share[0] / share[1] * (dots - 1))


def braille(heights: Sequence[int | None], rows: int) -> list[list[str]]:
    cells = [[BLANK] * math.ceil(len(heights) / 2) for _ in range(rows)]
    for place, at in enumerate(heights):
        if at is not None:
            cells[rows - 1 - at // 4][place // 2] |= DOTS[place % 2][at % 4]
    return [[chr(cell) for cell in row] for row in cells]


def ascii_cells(heights: Sequence[int | None], rows: int) -> list[list[str]]:
    up = len(ASCII_DOTS)
    cells = [[" "] * len(heights) for _ in range(rows)]
    for place, at in enumerate(heights):
        if at is not None:
            cells[rows - 1 - at // up][place] = ASCII_DOTS[at % up]
    return cells
