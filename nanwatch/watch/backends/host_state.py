"""State and labels of a training, looked at and counted on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.data.label_counts import (
    FRACTIONAL,
    PLACES,
    Counts,
    LabelCount,
    LabelCounts,
)
from nanwatch.watch.data.profile import MOST_CLASSES
from nanwatch.watch.keras_seam.keras_types import Array, Model
from nanwatch.watch.train_step.state_check import StateCheck, state_of


class HostArray:
    """What the counts and the check of the state keep in a variable of TensorFlow's: an array."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.values = values

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def numpy(self) -> Array:
        return self.values

    def assign(self, values: Any) -> None:
        self.values = np.array(values)

    def assign_add(self, values: Array) -> None:
        self.values = self.values + values


class HostStateCheck(StateCheck):
    """`StateCheck`, asked on the host alone."""

    judged: Any  # a `HostArray`

    def lay_out(self, model: Model | None) -> None:
        self.variables = [variable for variable, _ in state_of(model)]
        if self.variables:
            self.judged = HostArray(np.array(self.to_be_judged(model)))


class HostLabelCounts(LabelCounts):
    """`LabelCounts`, counted on the host, batch by batch."""

    def count_batch(self, batch: HostBatch) -> None:
        """Add the labels of a batch to the counts; one of another kind is left to the looks."""
        for (role, key), array in batch.items():
            width = width_of(array)
            if role != "label" or array.dtype.kind not in "fiub" or width is None or width > MOST_CLASSES:
                continue
            size = PLACES if width == 1 else width + 1
            known = self.counted.get(key)
            if known is None or known.places != (width == 1) or known.variable.shape[0] != size:
                held: Any = HostArray(np.zeros(size))
                known = self.counted[key] = LabelCount(held, width == 1)
            known.variable.assign_add(by_value(array) if known.places else by_column(array))

    def counts_of(self, known: LabelCount) -> Counts:
        counts: Counts = known.variable.numpy()
        return counts

    def begin(self) -> None:
        for known in self.counted.values():
            known.variable.assign(np.zeros(known.variable.shape))


def width_of(labels: Array) -> int | None:
    """1 for labels of shape (rows,), the width of those of shape (rows, width); None for any other."""
    if labels.ndim == 1:
        return 1
    return int(labels.shape[1]) if labels.ndim == 2 else None


def by_value(labels: Array) -> Counts:
    """How many labels stand at each place: float64, shape (`PLACES`,)."""
    values = labels.reshape(-1)
    whole = values == np.floor(values) if values.dtype.kind == "f" else np.ones(values.shape, np.bool_)
    with np.errstate(invalid="ignore"):
        bounded = np.clip(np.where(whole, values, 0), -1, MOST_CLASSES).astype(np.int64) + 1
    places = np.where(whole, bounded, FRACTIONAL)
    return np.bincount(places, minlength=PLACES).astype(np.float64)


def by_column(labels: Array) -> Counts:
    """The sum of each column, and how many rows there are: float64, shape (width + 1,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.append(labels.astype(np.float64).sum(axis=0), float(len(labels)))
