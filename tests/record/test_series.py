"""The series file: what it keeps, at which resolution, and that it never grows."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from nanwatch.record.series import (
    HEADER,
    LONGEST,
    MAGIC,
    MOST_LEVELS,
    Series,
    SeriesFile,
    SeriesShape,
    column_name,
    read_series,
)
from tests.record.naive_series import COLUMNS, bucket_of, packed, row_of, write

SMALL = SeriesShape(head=6, recent=16, levels=4, level_rows=4, fan=4)
TOTALS = [0, 1, 5, 6, 7, 15, 16, 17, 22, 23, 63, 64, 65, 100, 255, 256, 257, 300, 511]


@pytest.mark.parametrize("total", TOTALS)
def test_the_first_and_the_last_rows_are_exact(tmp_path: Path, total: int) -> None:
    write(tmp_path / "s", SMALL, total).close()
    series = read_series(tmp_path / "s")
    assert len(series) == total
    assert series.columns == COLUMNS
    kept = series.values("loss")
    assert kept == [(step, row_of(step)[1]) for step, _ in kept]
    assert {step for step, _ in kept} >= {*range(min(6, total)), *range(max(0, total - 15), total)}
    assert series.recent_values("loss", last=4) == [
        row_of(step)[1] for step in range(max(0, total - 4), total)
    ]
    assert series.first_values("loss")[:6] == [row_of(step)[1] for step in range(min(6, total))]


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("shape", [SMALL, SeriesShape(0, 16, 4, 4, 4), SeriesShape(8, 32, 4, 9, 3)])
def test_the_timeline_has_no_gap_and_no_overlap(tmp_path: Path, shape: SeriesShape, total: int) -> None:
    write(tmp_path / "s", shape, total).close()
    series = read_series(tmp_path / "s")
    expected = 0
    for bucket in series.timeline("gradient", "dense/kernel", "l2_norm"):
        assert bucket.row == expected
        expected += bucket.count
    assert expected == total


@pytest.mark.parametrize("total", [300, 511])
def test_a_bucket_is_the_mean_min_and_max_of_its_rows(tmp_path: Path, total: int) -> None:
    write(tmp_path / "s", SMALL, total).close()
    summed = 0
    for bucket in read_series(tmp_path / "s").timeline("gradient", "dense/kernel", "l2_norm"):
        if bucket.count == 1 and bucket.min == bucket.max:
            assert bucket.mean == row_of(bucket.row)[2]
            continue
        summed += 1
        sizes = [size for size in (4, 16, 64, 256) if size >= bucket.count]
        naive = [bucket_of(bucket.row // size * size, size) for size in sizes]
        assert (bucket.mean, bucket.min, bucket.max) in [(m[2], low[2], high[2]) for m, low, high in naive]
    assert summed > 3


def test_the_timeline_takes_the_finest_resolution_there_is(tmp_path: Path) -> None:
    write(tmp_path / "s", SMALL, 300).close()
    timeline = read_series(tmp_path / "s").timeline("loss")
    whole = {bucket.row for bucket in timeline if bucket.count == 1}
    assert whole >= {*range(6), *range(285, 300)}
    # 4 buckets of 4 end at 300, 4 of 16 at 288: between 224 and 284 the finer ones do not reach.
    means = read_series(tmp_path / "s").means("loss")
    assert [value for _, value in means] == [bucket.mean for bucket in timeline]
    assert {step for step, _ in means} >= {*range(6), 231.5, 247.5, 263.5, *range(285, 300)}
    assert [(b.row, b.count) for b in timeline if 224 <= b.row < 285] == [
        (224, 16), (240, 16), (256, 16), (272, 12), (284, 1)
    ]  # fmt: skip


def test_a_nan_stays_in_the_file(tmp_path: Path) -> None:
    file = SeriesFile(tmp_path / "s", COLUMNS, SMALL)
    file.append(packed(0.0, math.nan, math.inf))
    file.close()
    series = read_series(tmp_path / "s")
    assert math.isnan(series.recent_values("loss")[0])
    assert series.recent_values("gradient", "dense/kernel", "l2_norm") == [math.inf]


def test_a_kill_before_the_total_is_written_loses_that_row_alone(tmp_path: Path) -> None:
    """The next row is in its place, half of it, and the total does not count it yet."""
    file = write(tmp_path / "s", SMALL, 40)
    before = read_series(tmp_path / "s").values("loss")
    at = file.recent_at + 40 % SMALL.recent * file.width
    file.map[at : at + 12] = bytes(packed(40.0, 99.0))[:12]
    file.close()
    after = read_series(tmp_path / "s")
    assert after.values("loss") == before
    assert after.values("loss")[-1] == (39, row_of(39)[1])


def test_a_kill_before_a_bucket_is_put_shows_no_wrong_number(tmp_path: Path) -> None:
    file = SeriesFile(tmp_path / "s", COLUMNS, SMALL)
    for number in range(64):
        file.append(packed(*row_of(number)))
        size = 4
        if (number + 1) % size == 0 and number != 63:
            mean, low, high = bucket_of(number // size * size, size)
            file.put_bucket(0, number // size, packed(*mean, *low, *high))
    file.close()
    newest = [b for b in read_series(tmp_path / "s").timeline("loss") if b.row >= 60]
    assert [bucket.mean for bucket in newest] == [row_of(step)[1] for step in range(60, 64)]


def test_ten_million_rows_take_no_more_disk_than_ten_thousand(tmp_path: Path) -> None:
    shape = SeriesShape(head=4, recent=16, levels=7, level_rows=8, fan=8)
    sizes = []
    for total in (10_000, 10_000_000):
        file = SeriesFile(tmp_path / "s", COLUMNS, shape)
        for number in range(4):
            file.append(packed(*row_of(number)))
        file.total = total - 20
        for number in range(total - 20, total):
            file.append(packed(*row_of(number)))
        for level in range(shape.levels):
            size = shape.fan ** (level + 1)
            newest = total // size
            for index in range(max(0, newest - shape.level_rows), newest):
                first, last = index * size, (index + 1) * size - 1
                steps = ((first + last) / 2, float(first), float(last))
                file.put_bucket(level, index, packed(*(x for step in steps for x in (step, 0.5, 0.5))))
        file.close()
        sizes.append((tmp_path / "s").stat().st_size)
        series = read_series(tmp_path / "s")
        assert len(series) == total
        assert series.recent_values("loss", last=3) == [row_of(total - back)[1] for back in (3, 2, 1)]
        timeline = series.timeline("loss")
        assert sum(bucket.count for bucket in timeline) == total
        assert len(timeline) < 100
    assert sizes[0] == sizes[1]


def test_the_room_is_taken_at_once(tmp_path: Path) -> None:
    """A hole in the file would be filled later, and on a full disk that is a SIGBUS."""
    SeriesFile(tmp_path / "s", COLUMNS, SeriesShape()).close()
    taken = (tmp_path / "s").stat()
    assert taken.st_blocks * 512 >= taken.st_size


@pytest.mark.parametrize("columns", [10, 1_000, 5_000])
def test_a_fitted_shape_keeps_to_the_limit(columns: int) -> None:
    limit = 16 * 2**20
    shape = SeriesShape().fit_to(columns, limit)
    assert shape.cells() * columns * 8 <= limit
    assert shape.level_rows >= shape.fan
    assert (shape == SeriesShape()) == (SeriesShape().cells() * columns * 8 <= limit)


def test_a_fitted_shape_keeps_what_it_was_given() -> None:
    shape = SeriesShape(head=64, recent=256, levels=0, level_rows=0, fan=4).fit_to(1000, 2**20)
    assert (shape.levels, shape.level_rows, shape.fan) == (0, 0, 4)
    assert shape.recent < 256


def test_a_path_may_hold_the_separator(tmp_path: Path) -> None:
    odd = "block|1/kernel\nx"
    SeriesFile(tmp_path / "s", (COLUMNS[0], column_name("gradient", odd, "l2_norm")), SMALL).close()
    series = read_series(tmp_path / "s")
    assert series.paths("gradient", "l2_norm") == ["block|1/kernel x"]
    assert series.has_column("gradient", odd, "l2_norm")


def header(**changed: int) -> bytes:
    numbers = {"version": 1, "width": 1, "head": 0, "recent": 16, "levels": 0, "rows": 0, "fan": 8}
    numbers |= {"total": 0, "names": 16, **changed}
    return HEADER.pack(MAGIC, *numbers.values(), *[0] * 7) + b"step||value     " + b"\0" * 8 * 16


def test_the_made_up_header_is_sound(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(header(total=1))
    assert len(read_series(tmp_path / "s")) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "shorter than its header"),
        (b"x" * 60, "shorter than its header"),
        (b"PK\x03\x04" + b"x" * 400, "not a nanwatch series"),
        (header(version=2), "series format 2, newer than 1"),
        (header(recent=0), "its header makes no sense"),
        (header(fan=1), "its header makes no sense"),
        (header(total=-1), "its header makes no sense"),
        (header(width=0), "its header makes no sense"),
        (header(names=-8), "its header makes no sense"),
        (header(levels=MOST_LEVELS + 1, rows=1), "its header makes no sense"),
        (header(levels=MOST_LEVELS, rows=1), "cut short"),
        (header(levels=2**60), "its header makes no sense"),  # one bit, and no row in any of them
        (header(total=LONGEST + 1), "its header makes no sense"),
        (header(fan=2**62), "its header makes no sense"),
        (header().replace(b"step||", b"stop||"), "its first column is not the step"),
        (header(width=2, recent=8), "1 names for 2 columns"),
        (header()[:-1], "cut short"),
        (header(names=2**40), "cut short"),
    ],
)
def test_a_file_that_is_no_series(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(ValueError, match=f"^{said}$"):
        read_series(tmp_path / "s")


def test_a_file_cut_anywhere_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "s", SMALL, 100).close()
    whole = (tmp_path / "s").read_bytes()
    for length in range(0, len(whole), 7):
        os.truncate(tmp_path / "s", 0)
        (tmp_path / "s").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"^(shorter than its header|cut short)$"):
            read_series(tmp_path / "s")


@pytest.mark.parametrize("step", [math.nan, math.inf, -1.0, 19.5, 18.0, 2.0**54])
def test_a_row_that_cannot_stand_where_it_does_is_left_out(tmp_path: Path, step: float) -> None:
    """Of 30 rows the twentieth claims to be of another step."""
    file = write(tmp_path / "s", SeriesShape(0, 64, 0, 0, 8), 30)
    at = file.recent_at + 19 * file.width
    file.map[at : at + 8] = packed(step)
    file.close()
    series = read_series(tmp_path / "s")
    assert series.misplaced == 1
    assert [number for number, _ in series.values("loss")] == [*range(19), *range(20, 30)]
    assert len(series) == 30


def test_a_row_of_a_later_step_is_no_fault(tmp_path: Path) -> None:
    """What is looked at rarely has a series too, whose rows lie steps apart."""
    file = SeriesFile(tmp_path / "s", COLUMNS, SMALL)
    for number in range(10):
        file.append(packed(number * 7.0, 0.0, 0.0))
    file.close()
    assert read_series(tmp_path / "s").misplaced == 0


def test_a_bucket_of_other_rows_is_left_out(tmp_path: Path) -> None:
    file = write(tmp_path / "s", SMALL, 64)
    file.put_bucket(0, 13, packed(5.0, 0.0, 0.0, 4.0, 0.0, 0.0, 7.0, 0.0, 0.0))  # of rows 4 to 7
    assert read_series(tmp_path / "s").misplaced == 1
    file.put_bucket(0, 13, packed(math.nan, 0.0, 0.0, 52.0, 0.0, 0.0, 55.0, 0.0, 0.0))
    assert read_series(tmp_path / "s").misplaced == 1
    file.close()


def test_a_kill_before_the_last_bucket_is_no_damage(tmp_path: Path) -> None:
    """Its rows are counted already: in its place stands an older one."""
    file = write(tmp_path / "s", SMALL, 64)
    file.put_bucket(0, 15, packed(45.5, 0.0, 0.0, 44.0, 0.0, 0.0, 47.0, 0.0, 0.0))
    series = read_series(tmp_path / "s")
    assert series.misplaced == 0
    assert [number for number, _ in series.levels[0]] == [12, 13, 14]
    file.close()


def test_the_norm_over_all_paths_of_a_role() -> None:
    side_by_side = ("step||value", "gradient|a|l2_norm", "gradient|b|l2_norm", "loss||value")
    apart = ("step||value", "gradient|a|l2_norm", "loss||value", "gradient|b|l2_norm")
    for columns, rows in (
        (side_by_side, [[0.0, 3.0, 4.0, 9.0], [5.0, math.nan, 1.0, 9.0]]),
        (apart, [[0.0, 3.0, 9.0, 4.0], [5.0, math.nan, 9.0, 1.0]]),
    ):
        (step, norm), (last, bad) = Series.from_rows(columns, rows).norms("gradient")
        assert (step, norm, last) == (0, 5.0, 5)
        assert math.isnan(bad)
    assert Series.from_rows(apart, [[0.0, 1.0, 2.0, 3.0]]).norms("weight") == []
