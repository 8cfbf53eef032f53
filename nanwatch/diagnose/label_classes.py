"""Which labels a loss over classes was given, and which of them it has no place for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nanwatch.diagnose.readings import label_width
from nanwatch.record.facts import OutputInfo, TensorSummary

SPARSE = "sparse_categorical_crossentropy"
# TensorFlow's sentence on a CPU; under XLA and on a GPU the loss is NaN instead.
OUT_OF_RANGE = re.compile(r"label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)")
LABEL_VALUES = re.compile(r"Label values: ((?:-?\d+ )*-?\d+)(?: \[| ?$)")  # whole, or they may be cut
FIRST_VOID = 2  # how far beyond the last class a lone value must lie to be a marker, not a class


@dataclass(frozen=True)
class Misfit:
    """Labels outside [0, units), and the shape of the mistake they point to."""

    units: int
    values: tuple[int, ...]  # the labels outside, where they are known one by one
    rows: int  # labels that are outside; 0 where they were not counted
    low: float
    high: float
    inside: tuple[int, ...] = ()  # the labels inside

    @property
    def one_based(self) -> bool:
        return self.low >= 1 and self.high == self.units and self.units > 1

    @property
    def minus_one_and_one(self) -> bool:
        return self.values == (-1,) and self.inside == (1,)

    @property
    def marker(self) -> int | None:
        """A lone value far off (or -1) beside proper classes: rows without a class."""
        if len(self.values) != 1 or not self.inside or self.minus_one_and_one:
            return None
        value = self.values[0]
        return value if value < 0 or value >= self.units + FIRST_VOID else None

    @property
    def more_classes(self) -> int | None:
        """The number of classes, where the labels count from 0 without a gap beyond the units."""
        known = sorted(self.inside + self.values)
        return len(known) if known and known == list(range(len(known))) else None


def misfit_of(labels: TensorSummary, output: OutputInfo) -> Misfit | None:
    """The labels that ``output`` has no unit for; None where there are none, or none for sure."""
    units = output.units
    if units is None or output.loss is None or output.loss.name != SPARSE or not labels.rows:
        return None
    ignored = output.loss.ignore_class
    if labels.classes_complete and labels.classes:
        return misfit_among(count_by_class(labels.classes), units, ignored)
    low, high = labels.min, labels.max
    below = low < 0 and low != ignored
    above = high >= units and high != ignored
    return Misfit(units, (), 0, low, high) if below or above else None


def misfit_among(classes: Mapping[float, int], units: int, ignored: int | None) -> Misfit | None:
    used = sorted(value for value in classes if value != ignored)
    outside = [value for value in used if not 0 <= value < units]
    if not outside:
        return None
    inside = tuple(int(value) for value in used if value not in outside)
    rows = sum(classes[value] for value in outside)
    return Misfit(units, tuple(int(value) for value in outside), rows, used[0], used[-1], inside)


def count_by_class(classes: Mapping[str, int]) -> dict[float, int]:
    return {float(value): amount for value, amount in classes.items()}


def misfit_in_error(error: str | None) -> Misfit | None:
    """What TensorFlow's own exception says of the label, where it ended the training."""
    found = OUT_OF_RANGE.search(error or "")
    if found is None:
        return None
    value, units = int(found[1]), int(found[2])
    batch = LABEL_VALUES.search(error or "")
    seen = [int(word) for word in batch[1].split()] if batch else []
    classes = {float(each): seen.count(each) for each in seen}
    return misfit_among(classes, units, None) or Misfit(units, (value,), 0, value, value)


def rows_without_one_class(labels: TensorSummary) -> int:
    """Rows of zeros and ones of which several are 1, or none; 0 where the labels are anything else.

    With a label for each pixel or time step each of those counts as a row.
    """
    known = labels.integral and labels.min >= 0.0 and labels.max == 1.0 and len(labels.shape) > 1
    return labels.rows_not_summing_to_one if known else 0


def form_of_classes(labels: TensorSummary, units: int | None) -> Literal["one-hot", "yes-or-no"] | None:
    """How labels of zeros and ones, one for each of the units, tell of classes; None of any other."""
    if label_width(labels) != (units or 1) or not labels.integral:
        return None
    if labels.one_hot:
        return "one-hot"
    return "yes-or-no" if (labels.min, labels.max) == (0.0, 1.0) else None
