"""What a benchmark found, as rows: a figure with its spread, its limit, and what stands beside it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """``unit`` is ``ratio`` (to bare, or as ``name`` says), ``MB``, ``s`` or ``times``.

    ``noise`` is the spread of bare against bare, as (smallest, largest) ratio; ``terminate`` the median
    ratio of Keras's TerminateOnNaN.
    """

    part: str
    name: str
    unit: str
    value: float
    low: float
    high: float
    pairs: int
    limit: float | None = None
    terminate: float | None = None
    noise: tuple[float, float] | None = None

    @property
    def key(self) -> str:
        return f"{self.part}: {self.name}"


def row(
    part: str,
    name: str,
    values: Sequence[float],
    limit: float | None = None,
    unit: str = "ratio",
    *,
    terminate: Sequence[float] = (),
    bare: Sequence[float] = (),
) -> Row:
    """The median of ``values``; the noise is each of ``bare``, in their order, against the one before."""
    noise = [one / other for one, other in zip(bare[1:], bare, strict=False)]
    return Row(
        part,
        name,
        unit,
        statistics.median(values),
        min(values),
        max(values),
        len(values),
        limit,
        statistics.median(terminate) if terminate else None,
        (min(noise), max(noise)) if noise else None,
    )


HEADER = ("what", "at most", "median", "smallest to largest", "pairs", "TerminateOnNaN", "bare / bare")


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown; what is over its limit is marked."""
    lines = [HEADER, tuple("---" for _ in HEADER), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(found: Row) -> tuple[str, ...]:
    over = found.limit is not None and found.value > found.limit
    return (
        found.key,
        "" if found.limit is None else shown(found.limit, found.unit),
        shown(found.value, found.unit) + (" (over)" if over else ""),
        f"{shown(found.low, found.unit)} to {shown(found.high, found.unit)}",
        str(found.pairs),
        "" if found.terminate is None else shown(found.terminate, found.unit),
        "" if found.noise is None else f"{found.noise[0]:.2f} to {found.noise[1]:.2f}",
    )


def shown(value: float, unit: str) -> str:
    return {"ratio": f"{value:.2f}", "MB": f"{value:.0f} MB", "s": f"{value:.2f} s"}.get(unit, f"{value:g}")
