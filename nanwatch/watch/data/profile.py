"""Running counts of the data that passes by, in NumPy, outside the compiled step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nanwatch.record.facts import ColumnSummary, TensorSummary
from nanwatch.record.watchpoints import Role
from nanwatch.watch.keras_seam.keras_types import Array

MOST_COLUMNS = 4096  # features of a table that are told apart
COLUMNS_KEPT = 64  # of them written down when nothing is wrong with them
MOST_CLASSES = 1000  # distinct label values that are counted
MOST_ROWS_NAMED = 50  # rows with a non-finite element that are named
ONE_TOLERANCE = 1e-3  # a row of float32 probabilities sums to 1 within this


@dataclass
class Profile:
    """What was seen of one tensor of the data: `add` batches, then take the `summary`."""

    role: Role
    path: str
    dtype: str = ""
    shape: tuple[int | None, ...] = ()
    rows: int = 0
    size: int = 0
    num_nan: int = 0
    num_pos_inf: int = 0
    num_neg_inf: int = 0
    num_zero: int = 0
    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0
    squares: float = 0.0
    finite: int = 0
    integral: bool = True
    columns: Columns | None = None
    classes: dict[float, int] = field(default_factory=dict)
    classes_complete: bool = True
    row_sum_low: float = math.inf
    row_sum_high: float = -math.inf
    not_one: int = 0
    one_hot: bool = True
    counted_positions: bool = False  # the classes are positions in one-hot rows
    bad_rows: list[int] = field(default_factory=list)
    example: tuple[float, ...] = ()

    def add(self, array: Array, first_row: int | None = None) -> None:
        """Count one batch (or all rows): of numbers, shape (rows, ...); what is no number is left out.

        ``first_row``: the number of its first row, where rows have numbers.
        """
        if array.dtype.kind not in "fiubc" and array.dtype.name != "bfloat16":
            return
        if not self.rows:
            self.dtype, self.shape = array.dtype.name, (None, *array.shape[1:])
            self.example = tuple(float(value) for value in array.reshape(-1)[:6].astype(np.float64))
        values = array.astype(np.float32) if array.dtype.itemsize < 4 or array.dtype.kind != "f" else array
        if array.dtype.kind in "iu" and array.dtype.itemsize > 2:
            values = array.astype(np.float64)
        self.rows += len(array) if array.ndim else 1
        self.size += array.size
        if not array.size:
            return
        ok = np.isfinite(values)
        if not ok.all():
            self.count_bad(values, ok, first_row)
            values = np.where(ok, values, 0)
        self.count_finite(values, ok)
        if values.ndim == 2 and values.shape[1] <= MOST_COLUMNS:
            self.columns = self.columns or Columns(values.shape[1])
            if self.columns.width == values.shape[1]:
                self.columns.add(array)
        if values.ndim >= 2 and values.shape[-1] > 1 and self.role in ("label", "output"):
            self.count_row_sums(values)
        else:
            self.one_hot = False
        if self.role == "label":
            self.count_classes(values, ok)

    def count_bad(self, values: Array, ok: npt.NDArray[np.bool_], first_row: int | None) -> None:
        """Count what is not finite in ``values``, shape (rows, ...); ``ok`` says what is finite."""
        self.num_nan += int(np.isnan(values).sum())
        self.num_pos_inf += int(np.isposinf(values).sum())
        self.num_neg_inf += int(np.isneginf(values).sum())
        if first_row is not None and len(self.bad_rows) < MOST_ROWS_NAMED and values.ndim:
            rows = np.flatnonzero(~ok.reshape(len(values), -1).all(axis=1)) + first_row
            self.bad_rows += [int(row) for row in rows[: MOST_ROWS_NAMED - len(self.bad_rows)]]

    def count_finite(self, values: Array, ok: npt.NDArray[np.bool_]) -> None:
        """Count the elements of ``values`` that are ``ok``, both of one shape."""
        count = int(ok.sum())
        if not count:
            return
        self.finite += count
        known = values[ok] if count < values.size else values
        self.num_zero += int((known == 0).sum())
        self.low = min(self.low, float(known.min()))
        self.high = max(self.high, float(known.max()))
        with np.errstate(over="ignore"):
            self.total += float(known.sum(dtype=np.float64))
            self.squares += float(np.square(known, dtype=np.float64).sum())
        if self.integral:
            self.integral = bool((known == np.rint(known)).all())

    def count_row_sums(self, values: Array) -> None:
        """Sum the last axis of ``values``, shape (rows, ..., width): shares of a row sum to 1."""
        sums = values.sum(axis=-1, dtype=np.float64)
        self.row_sum_low = min(self.row_sum_low, float(sums.min()))
        self.row_sum_high = max(self.row_sum_high, float(sums.max()))
        self.not_one += int((np.abs(sums - 1) > ONE_TOLERANCE).sum())
        if self.one_hot:
            ones = (values == 1).sum(axis=-1)
            zeros = (values == 0).sum(axis=-1)
            self.one_hot = bool(((ones == 1) & (zeros == values.shape[-1] - 1)).all())

    def count_classes(self, values: Array, ok: npt.NDArray[np.bool_]) -> None:
        """Count each value of a label, shape (rows, ...), or the places of the ones in one-hot rows."""
        if not self.classes_complete:
            return
        if not self.one_hot and self.counted_positions:  # earlier batches happened to be one-hot
            self.classes, self.counted_positions = {}, False
            self.classes_complete = self.rows == len(values)
            if not self.classes_complete:
                return
        one_hot = self.one_hot and values.ndim == 2
        counted = values.argmax(axis=-1) if one_hot else values[ok]
        found, counts = np.unique(counted, return_counts=True)
        self.counted_positions |= one_hot
        if len(self.classes.keys() | set(map(float, found.tolist()))) > MOST_CLASSES:
            self.classes_complete = False
            return
        for value, count in zip(found.tolist(), counts.tolist(), strict=True):
            self.classes[float(value)] = self.classes.get(float(value), 0) + int(count)

    def summary(self) -> TensorSummary:
        mean = self.total / self.finite if self.finite else 0.0
        variance = max(0.0, self.squares / self.finite - mean * mean) if self.finite else 0.0
        if not math.isfinite(self.squares):  # the squares overflow: the range tells the spread's order
            variance = ((self.high - self.low) / 2) ** 2 if self.high - self.low < 1e150 else math.inf
        has_rows = math.isfinite(self.row_sum_low)
        return TensorSummary(
            role=self.role,
            path=self.path,
            dtype=self.dtype or "float32",
            shape=self.shape,
            rows=self.rows,
            size=self.size,
            num_nan=self.num_nan,
            num_pos_inf=self.num_pos_inf,
            num_neg_inf=self.num_neg_inf,
            num_zero=self.num_zero,
            min=self.low if self.finite else 0.0,
            max=self.high if self.finite else 0.0,
            mean=mean,
            std=math.sqrt(variance),
            integral=self.integral and bool(self.finite),
            columns=self.columns.summaries() if self.columns else (),
            classes={f"{value:g}": count for value, count in sorted(self.classes.items())}
            if self.classes_complete
            else {},
            classes_complete=self.classes_complete,
            row_sum_min=self.row_sum_low if has_rows else None,
            row_sum_max=self.row_sum_high if has_rows else None,
            rows_not_summing_to_one=self.not_one,
            one_hot=self.one_hot and has_rows,
            bad_rows=tuple(self.bad_rows),
            example=self.example,
        )


class Columns:
    """The same counts for each column of a table."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.num_nan = np.zeros(width, np.int64)
        self.num_inf = np.zeros(width, np.int64)
        self.low = np.full(width, np.inf)
        self.high = np.full(width, -np.inf)
        self.total = np.zeros(width)
        self.squares = np.zeros(width)
        self.finite = np.zeros(width, np.int64)

    def add(self, array: Array) -> None:
        """Count rows: shape (rows, width)."""
        values = array.astype(np.float64)
        nan, inf = np.isnan(values), np.isinf(values)
        bad = nan | inf
        self.num_nan += nan.sum(axis=0)
        self.num_inf += inf.sum(axis=0)
        self.finite += len(values) - bad.sum(axis=0)
        self.low = np.minimum(self.low, np.where(bad, np.inf, values).min(axis=0))
        self.high = np.maximum(self.high, np.where(bad, -np.inf, values).max(axis=0))
        known = np.where(bad, 0.0, values)
        self.total += known.sum(axis=0)
        with np.errstate(over="ignore"):
            self.squares += np.square(known).sum(axis=0)

    def summaries(self) -> tuple[ColumnSummary, ...]:
        """Every column of a narrow table; of a wide one those that stand out."""
        count = np.maximum(self.finite, 1)
        mean = self.total / count
        with np.errstate(all="ignore"):
            std = np.sqrt(np.maximum(self.squares / count - mean * mean, 0.0))
        chosen: Sequence[int] = range(self.width)
        if self.width > COLUMNS_KEPT:
            bad = self.num_nan + self.num_inf
            largest = np.nan_to_num(np.maximum(np.abs(self.low), np.abs(self.high)), posinf=0.0)
            order = np.lexsort((-largest, -bad))
            chosen = sorted(int(index) for index in order[:COLUMNS_KEPT])
        return tuple(
            ColumnSummary(
                index,
                int(self.num_nan[index]),
                int(self.num_inf[index]),
                float(self.low[index]) if self.finite[index] else 0.0,
                float(self.high[index]) if self.finite[index] else 0.0,
                float(mean[index]),
                float(std[index]),
            )
            for index in chosen
        )


def profile_of(role: Role, path: str, array: Array, first_row: int | None = 0) -> TensorSummary:
    """The summary of one array, of any shape; its rows are numbered from ``first_row``."""
    profile = Profile(role, path)
    profile.add(array, first_row)
    return profile.summary()
