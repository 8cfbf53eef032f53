"""Rows and their levels, against means, minima and maxima counted the long way."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from nanwatch.record.series import Bucket, SeriesFile, SeriesShape, column_name, read_series
from nanwatch.record.write import RunWriter
from nanwatch.watch.recording.series_writer import HEALTH_SHAPE, STEPS_SHAPE, SeriesWriter, open_series

SHAPE = SeriesShape(head=4, recent=8, levels=3, level_rows=4, fan=3)
COLUMNS = ["step||value", column_name("loss", "", "value")]


def recorded(folder: Path, losses: list[float], shape: SeriesShape = SHAPE) -> list[Bucket]:
    """The timeline of a series of ``losses``, read back from disk."""
    path = folder / "series"
    kept = SeriesWriter(SeriesFile(path, COLUMNS, shape))
    for step, loss in enumerate(losses):
        kept.add(np.array([float(step), loss]))
    kept.close()
    return read_series(path).timeline("loss")


@pytest.mark.parametrize("parts", [[28], [1, 27], [2, 3, 4, 19], [27, 1], [9, 9, 10]])
def test_rows_that_come_together_are_those_that_come_one_by_one(tmp_path: Path, parts: list[int]) -> None:
    rows = np.array([[float(step), loss] for step, loss in enumerate(losses_of(28))])
    rows[5, 1] = math.nan
    kept = SeriesWriter(SeriesFile(tmp_path / "together", COLUMNS, SHAPE))
    one_by_one = SeriesWriter(SeriesFile(tmp_path / "series", COLUMNS, SHAPE))
    for first, last in zip(np.cumsum([0, *parts[:-1]]), np.cumsum(parts), strict=True):
        kept.add_all(rows[first:last])
    for row in rows:
        one_by_one.add(row)
    for each in (kept, one_by_one):
        each.close()
    found, expected = (read_series(tmp_path / name).timeline("loss") for name in ("together", "series"))
    assert repr(found) == repr(expected)


def losses_of(count: int) -> list[float]:
    return [round(float(value), 3) for value in np.random.default_rng(count).normal(size=count)]


@pytest.mark.parametrize("count", [1, 4, 11, 12, 13, 26, 27, 28, 81, 100, 108])
def test_no_row_is_lost_or_counted_twice(tmp_path: Path, count: int) -> None:
    """The levels reach back over 4 x 3**3 = 108 rows."""
    found = recorded(tmp_path, losses_of(count))
    assert [step for bucket in found for step in range(bucket.row, bucket.row + bucket.count)] == list(
        range(count)
    )


@pytest.mark.parametrize("count", [13, 28, 60, 100, 108])
def test_every_bucket_sums_up_its_rows(tmp_path: Path, count: int) -> None:
    losses = losses_of(count)
    found = recorded(tmp_path, losses)
    sizes = {1: 0, 3: 0, 9: 0, 27: 0}
    for bucket in found:
        size = next(size for size in sizes if any_bucket(losses, bucket, size))
        sizes[size] += 1
    assert sizes[1] >= min(count, 4 + 7)
    assert sum(sizes.values()) == len(found)
    assert count < 60 or sizes[9] > 0


def any_bucket(losses: list[float], bucket: Bucket, size: int) -> bool:
    """Whether ``bucket`` is what the ``size`` rows round its first one sum up to."""
    first = bucket.row // size * size
    rows = losses[first : first + size]
    mean = sum(rows) / size
    return (
        bucket.count <= size
        and math.isclose(bucket.mean, mean, abs_tol=1e-12)
        and (bucket.min, bucket.max) == (min(rows), max(rows))
    )


@pytest.mark.parametrize(
    ("step", "rows"),
    [
        (59, {59}),  # of the last rows, kept one by one
        (46, {45}),  # 45 to 47 together
        (30, {27}),  # 27 to 35
        (2, {2, 4}),  # of the first rows, and of the 27 rows of which 4 to 17 are kept nowhere else
    ],
)
def test_a_nan_stays_in_its_own_bucket(tmp_path: Path, step: int, rows: set[int]) -> None:
    losses = [1.0] * 60
    losses[step] = math.nan
    found = recorded(tmp_path, losses)
    sick = {bucket.row for bucket in found if math.isnan(bucket.mean)}
    assert sick == rows
    assert sick == {bucket.row for bucket in found if math.isnan(bucket.min) and math.isnan(bucket.max)}
    assert {bucket.mean for bucket in found if bucket.row not in sick} == {1.0}


def test_a_series_without_levels(tmp_path: Path) -> None:
    shape = SeriesShape(head=2, recent=4, levels=0, level_rows=0)
    found = recorded(tmp_path, losses_of(9), shape)
    assert [bucket.row for bucket in found] == [0, 1, 6, 7, 8]


@pytest.mark.parametrize(("kind", "shape"), [("steps", STEPS_SHAPE), ("health", HEALTH_SHAPE)])
def test_the_series_of_a_fit(tmp_path: Path, kind: str, shape: SeriesShape) -> None:
    writer = RunWriter(tmp_path)
    kept = open_series(writer, 3, kind, ["loss||value"])
    kept.add(np.array([7.0, 0.5]))
    kept.close()
    writer.close()
    series = read_series(tmp_path / f"fit-3.{kind}")
    assert series.columns == ("step||value", "loss||value")
    assert series.values("loss") == [(7, 0.5)]
    assert kept.file.shape == shape
