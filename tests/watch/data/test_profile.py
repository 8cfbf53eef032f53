"""Counts of the data, against the same counts made element by element."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nanwatch.record.facts import TensorSummary
from nanwatch.record.watchpoints import Role
from nanwatch.watch.data.profile import COLUMNS_KEPT, MOST_CLASSES, MOST_COLUMNS, Profile, profile_of

Array = npt.NDArray[Any]
NAN, INF = math.nan, math.inf


def summed(role: Role, *arrays: Array) -> TensorSummary:
    """The summary of ``arrays`` added one after the other."""
    profile = Profile(role, "0")
    for array in arrays:
        profile.add(array)
    return profile.summary()


def mixed(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Float32 values, some of them 0, NaN and infinite."""
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 2, shape).astype(np.float32)
    for number, value in enumerate((0.0, NAN, INF, -INF, 0.0)):
        values.flat[rng.integers(0, values.size, 3 + number)] = value
    return values


DATA = {
    "a table": mixed((40, 5)),
    "a vector": mixed((40,)),
    "pictures": mixed((6, 4, 4, 3)),
    "float64": mixed((20, 3)).astype(np.float64) * 1e200,
    "float16": np.where(np.isfinite(mixed((20, 3))), mixed((20, 3)), np.float32(NAN)).astype(np.float16),
    "integers": np.random.default_rng(1).integers(-5, 9, (30, 2)),
    "large integers": np.array([[2**53], [-(2**40)], [0]]),
    "bytes": np.random.default_rng(1).integers(0, 256, (9, 4, 4), dtype=np.uint8),
    "truth": np.array([[True, False], [False, False]]),
    "nothing finite": np.full((4, 2), NAN, np.float32),
    "one number": np.array(2.5, np.float32),
    "no row": np.zeros((0, 3), np.float32),
    "no column": np.zeros((3, 0), np.float32),
}


@pytest.mark.parametrize("name", DATA)
def test_elements_are_counted(name: str) -> None:
    array = DATA[name]
    elements = [float(value) for value in array.reshape(-1)]
    finite = [value for value in elements if math.isfinite(value)]
    found = summed("input", array)
    assert (found.rows, found.size) == (len(array) if array.ndim else 1, array.size)
    assert found.num_nan == sum(math.isnan(value) for value in elements)
    assert found.num_pos_inf == elements.count(INF)
    assert found.num_neg_inf == elements.count(-INF)
    assert found.num_zero == elements.count(0.0)
    assert (found.min, found.max) == ((min(finite), max(finite)) if finite else (0.0, 0.0))
    assert found.integral == (bool(finite) and all(value == round(value) for value in finite))
    mean = math.fsum(finite) / len(finite) if finite else 0.0
    assert found.mean == pytest.approx(mean, rel=1e-9)
    if name != "float64":  # whose squares are beyond float64
        variance = math.fsum((value - mean) ** 2 for value in finite) / len(finite) if finite else 0.0
        assert found.std == pytest.approx(math.sqrt(variance), rel=1e-6, abs=1e-6)
    assert found.dtype == (array.dtype.name if array.size else found.dtype)
    assert found.shape == (None, *array.shape[1:])
    assert repr(found.example) == repr(tuple(elements[:6]))


def test_bfloat16_is_counted_too() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    found = summed("input", np.array([1.0, NAN, 0.0], ml_dtypes.bfloat16))
    assert (found.size, found.num_nan, found.num_zero, found.max) == (3, 1, 1, 1.0)


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([b"a"]), np.array([{}], object)])
def test_what_is_no_number_is_passed_over(array: Array) -> None:
    assert summed("input", array).rows == 0


@pytest.mark.parametrize("role", ["input", "label", "output"])
@pytest.mark.parametrize("name", ["a table", "integers", "a vector", "pictures", "bytes"])
def test_batches_add_up_to_the_whole(name: str, role: Role) -> None:
    array = DATA[name]
    whole = summed(role, array)
    parts = summed(role, array[:1], array[1:4], array[4:])
    for field in TensorSummary.__dataclass_fields__:
        one, other = getattr(whole, field), getattr(parts, field)
        if isinstance(one, float):
            assert other == pytest.approx(one, rel=1e-9), field
        elif field == "columns":
            for a, b in zip(one, other, strict=True):
                assert (a.index, a.num_nan, a.num_inf, a.min, a.max) == (
                    b.index,
                    b.num_nan,
                    b.num_inf,
                    b.min,
                    b.max,
                )
                assert (b.mean, b.std) == pytest.approx((a.mean, a.std), rel=1e-9)
        else:
            assert other == one or field == "example", field


@pytest.mark.parametrize("name", ["a table", "float16", "integers", "truth", "nothing finite"])
def test_columns_are_counted(name: str) -> None:
    array = DATA[name]
    found = summed("input", array).columns
    assert [column.index for column in found] == list(range(array.shape[1]))
    for column in found:
        elements = [float(value) for value in array[:, column.index]]
        finite = [value for value in elements if math.isfinite(value)] or [0.0]
        mean = math.fsum(finite) / len(finite)
        std = math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / len(finite))
        assert column.num_nan == sum(math.isnan(value) for value in elements)
        assert column.num_inf == sum(math.isinf(value) for value in elements)
        assert (column.min, column.max) == (min(finite), max(finite))
        assert (column.mean, column.std) == pytest.approx((mean, std), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("width", [COLUMNS_KEPT, COLUMNS_KEPT + 1])
def test_of_a_wide_table_the_columns_that_stand_out(width: int) -> None:
    table = np.random.default_rng(0).uniform(1, 2, (8, width)).astype(np.float32)
    table[3, 17], table[4, 17], table[2, 40] = NAN, INF, NAN
    table[0, 50] = -9.0
    table[:, 7] = 0.5  # the least of all
    found = summed("input", table).columns
    assert len(found) == COLUMNS_KEPT
    assert {17, 40, 50} <= {column.index for column in found}
    assert (7 in {column.index for column in found}) == (width == COLUMNS_KEPT)
    assert [column.index for column in found] == sorted(column.index for column in found)


@pytest.mark.parametrize(("width", "told"), [(MOST_COLUMNS, True), (MOST_COLUMNS + 1, False)])
def test_a_table_can_be_too_wide_for_columns(width: int, told: bool) -> None:
    assert bool(summed("input", np.zeros((2, width), np.float32)).columns) is told


def test_a_constant_column_has_no_spread() -> None:
    found = summed("input", np.full((1000, 2), 3.0, np.float32)).columns
    assert [(column.std, column.min, column.max) for column in found] == [(0.0, 3.0, 3.0)] * 2


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.uint8, bool])
def test_classes_are_counted(dtype: Any) -> None:
    labels = np.array([0, 1, 1, 2, 0, 1]).astype(dtype)
    expected = Counter(f"{float(value):g}" for value in labels)
    found = summed("label", labels[:4], labels[4:])
    assert found.classes == dict(expected)
    assert found.classes_complete
    assert found.classes == summed("label", labels[:, None]).classes
    assert summed("input", labels).classes == {}


def test_the_classes_of_one_hot_labels() -> None:
    found = summed("label", np.eye(4, dtype=np.float32)[[0, 3, 3]], np.eye(4, dtype=np.float32)[[1]])
    assert found.one_hot
    assert found.classes == {"0": 1, "1": 1, "3": 2}


def test_classes_of_labels_with_nan() -> None:
    found = summed("label", np.array([1.0, NAN, 1.0, 2.0]))
    assert (found.classes, found.num_nan) == ({"1": 2, "2": 1}, 1)


@pytest.mark.parametrize(("count", "complete"), [(MOST_CLASSES, True), (MOST_CLASSES + 1, False)])
def test_there_can_be_too_many_classes(count: int, complete: bool) -> None:
    found = summed("label", np.arange(count))
    assert found.classes_complete is complete
    assert len(found.classes) == (count if complete else 0)
    later = summed("label", np.arange(count), np.arange(3))
    assert later.classes_complete is complete


ONE_HOT = np.eye(3, dtype=np.float32)[[0, 2, 1, 1]]
NOT_ONE_HOT = {
    "smoothed": ONE_HOT * 0.9 + 0.1 / 3,
    "two ones": np.maximum(ONE_HOT, ONE_HOT[::-1]),
    "a row of zeros": ONE_HOT * np.array([[1], [1], [0], [1]], np.float32),
    "a two": ONE_HOT * 2,
    "a NaN": np.where(np.array([[1], [9], [9], [9]]) == ONE_HOT, np.float32(NAN), ONE_HOT),
    "class numbers": np.array([0.0, 1.0, 0.0]),
    "a column": np.array([[0.0], [1.0], [0.0]]),
}


def test_one_hot() -> None:
    found = summed("label", ONE_HOT, ONE_HOT[:1])
    assert found.one_hot
    assert (found.row_sum_min, found.row_sum_max, found.rows_not_summing_to_one) == (1.0, 1.0, 0)
    assert summed("label", ONE_HOT.astype(np.int64)).one_hot
    assert summed("label", ONE_HOT.astype(bool)).one_hot
    assert summed("label", np.stack([ONE_HOT] * 2)).one_hot  # a label for each place of a sequence


@pytest.mark.parametrize("name", NOT_ONE_HOT)
@pytest.mark.parametrize("place", ["alone", "first", "last"])
def test_not_one_hot(name: str, place: str) -> None:
    odd = NOT_ONE_HOT[name]
    batches = {"alone": [odd], "first": [odd, ONE_HOT], "last": [ONE_HOT, odd]}[place]
    assert not summed("label", *batches).one_hot


def test_labels_that_begin_one_hot() -> None:
    """Several labels a row, of which the first batch happens to have one each."""
    first, second = np.eye(3)[[0, 2]], np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    found = summed("label", first, second)
    assert not found.one_hot
    assert set(found.classes) <= {"0", "1"}


@pytest.mark.parametrize("role", ["label", "output"])
def test_the_sums_of_rows(role: Role) -> None:
    rows = np.array([[0.2, 0.8], [0.5, 0.1], [0.0, 0.0], [0.7, 0.3]])
    found = summed(role, rows[:2], rows[2:])
    assert (found.row_sum_min, found.row_sum_max) == pytest.approx((0.0, 1.0))
    assert found.rows_not_summing_to_one == 2


@pytest.mark.parametrize(("off", "count"), [(0.0009, 0), (0.0011, 1), (-0.0009, 0), (-0.0011, 1)])
def test_a_row_of_probabilities_sums_to_one_nearly(off: float, count: int) -> None:
    """A thousandth: float32 softmax over many classes misses 1 by less, half precision too."""
    assert summed("output", np.array([[0.5, 0.5 + off]])).rows_not_summing_to_one == count


@pytest.mark.parametrize("array", [np.zeros((3, 1)), np.zeros(3)])
def test_no_row_sums_without_a_row(array: Array) -> None:
    found = summed("output", array)
    assert (found.row_sum_min, found.row_sum_max, found.one_hot) == (None, None, False)
    assert summed("input", np.ones((2, 2))).row_sum_min is None


def test_bad_rows_have_their_numbers() -> None:
    table = np.zeros((100, 2), np.float32)
    for row in (3, 4, 77):
        table[row, row % 2] = NAN
    assert profile_of("input", "0", table).bad_rows == (3, 4, 77)
    assert profile_of("input", "0", table, 1000).bad_rows == (1003, 1004, 1077)
    assert profile_of("input", "0", table, None).bad_rows == ()
    pictures = np.zeros((5, 2, 2), np.float32)
    pictures[2, 1, 1] = INF
    assert profile_of("input", "0", pictures).bad_rows == (2,)


@pytest.mark.parametrize(("bad", "named"), [(50, 50), (51, 50)])
def test_fifty_rows_are_named(bad: int, named: int) -> None:
    table = np.zeros((200, 1), np.float32)
    table[:bad] = NAN
    profile = Profile("input", "0")
    profile.add(table[:40], 0)
    profile.add(table[40:], 40)
    found = profile.summary()
    assert found.bad_rows == tuple(range(named))
    assert found.num_nan == bad


def test_values_whose_squares_are_beyond_float64() -> None:
    """Where Keras is set to float64, 1e200 is a value like another."""
    found = summed("input", np.array([[1e200], [3e200]]))
    assert (found.min, found.max, found.mean) == (1e200, 3e200, 2e200)
    assert not 0 <= found.std < 1e199  # 1e200, or that it cannot be told; never "no spread"


def test_no_warning_of_numpy_escapes() -> None:
    """Warnings are errors here, and would be lines on the script's stderr."""
    extremes = (NAN, INF, -INF, 3e38, -3e38, 1e-45, 0.0)
    for row in itertools.combinations(extremes, 3):
        for dtype in (np.float16, np.float32, np.float64):
            with np.errstate(over="ignore"):
                values = np.array([row, row]).astype(dtype)
            for role in ("input", "label", "output"):
                summed(role, values)
