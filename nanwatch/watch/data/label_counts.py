"""Every label that passes by is counted on the device, where the data come batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nanwatch.record.facts import ColumnSummary, TensorSummary
from nanwatch.watch.data.batch import Leaves, is_dense
from nanwatch.watch.data.profile import MOST_CLASSES
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf

Counts = npt.NDArray[np.float64]

# Places of the counts of scalar labels: one for what is below 0, one a class, then these two.
BELOW, TOO_HIGH, FRACTIONAL = 0, MOST_CLASSES + 1, MOST_CLASSES + 2
PLACES = MOST_CLASSES + 3


@dataclass(frozen=True)
class LabelCount:
    """The variable that counts one label, and how it counts.

    ``places``: whole numbers by their value, shape (`PLACES`,). Otherwise the sums of the columns
    of rows that may be one-hot, and the number of rows, shape (width + 1,). float64.
    """

    variable: tf.Variable
    places: bool


class LabelCounts:
    """The labels of one fit: call `count` in the step, `summary` on the host."""

    def __init__(self) -> None:
        self.counted: dict[str, LabelCount] = {}

    def count(self, labels: Leaves) -> None:
        """Ops that add a batch of labels to the counts. A label of another kind is left to the looks."""
        for key, tensor in labels:
            if not is_dense(tensor):
                continue
            width = width_of(tensor)
            if width is None or width > MOST_CLASSES:
                continue
            size = PLACES if width == 1 else width + 1
            known = self.counted.get(key)
            if known is None or known.places != (width == 1) or known.variable.shape[0] != size:
                # the first of its kind: an earlier fit may have had another
                variable = tensorflow_names.make_variable(np.zeros(size), "nanwatch_census")
                known = self.counted[key] = LabelCount(variable, width == 1)
            known.variable.assign_add(by_value(tensor) if known.places else by_column(tensor))

    def begin(self) -> None:
        for known in self.counted.values():
            known.variable.assign(tf.zeros_like(known.variable))

    def summary(self, seen: TensorSummary) -> TensorSummary | None:
        """``seen``, which the looks saw of a label, made whole; None where the counts do not tell."""
        known = self.counted.get(seen.path)
        if known is None:
            return None
        counts = self.counts_of(known)
        return scalars(seen, counts) if known.places else one_hots(seen, counts[:-1], float(counts[-1]))

    def counts_of(self, known: LabelCount) -> Counts:
        """What has been counted of one label so far."""
        with tf.init_scope():  # whoever asks may stand in a graph
            counts: Counts = known.variable.numpy()
        return counts

    def made_whole(self, labels: tuple[TensorSummary, ...]) -> tuple[tuple[TensorSummary, ...], bool]:
        """``labels`` with what the counts tell of them, and whether they tell it of all."""
        found = [self.summary(seen) for seen in labels]
        known = tuple(whole or seen for whole, seen in zip(found, labels, strict=True))
        return known, bool(labels) and None not in found


def width_of(labels: Tensor) -> int | None:
    """1 for labels of shape (rows,), the width of those of shape (rows, width); None for any other."""
    rank = labels.shape.rank
    if rank == 1:
        return 1
    return labels.shape[1] if rank == 2 else None


def by_value(labels: Tensor) -> Tensor:
    """How many labels stand at each place: float64, shape (`PLACES`,)."""
    if labels.dtype.is_floating:
        whole = tf.equal(labels, tf.floor(labels))  # not of NaN
        bounded = tf.clip_by_value(labels, -1.0, float(MOST_CLASSES))
        places = tf.where(whole, tf.add(tf.cast(bounded, tf.int32), 1), FRACTIONAL)
    else:
        wide = tf.cast(labels, tf.int64) if labels.dtype != tf.int32 else labels
        places = tf.add(tf.clip_by_value(wide, -1, MOST_CLASSES), 1)
    size = tf.constant(PLACES, places.dtype)
    none = tf.zeros([0], tf.float64)
    counts: Tensor = tf.raw_ops.DenseBincount(input=tf.reshape(places, [-1]), size=size, weights=none)
    return counts


def by_column(labels: Tensor) -> Tensor:
    """The sum of each column, and how many rows there are: float64, shape (width + 1,)."""
    sums = tf.cast(tf.reduce_sum(tf.cast(labels, tf.float32), axis=0), tf.float64)
    counts: Tensor = tf.concat([sums, [tf.cast(tf.shape(labels)[0], tf.float64)]], axis=0)
    return counts


def scalars(seen: TensorSummary, counts: Counts) -> TensorSummary | None:
    """A label of one number a row, from the counts of whole numbers, shape (`PLACES`,)."""
    if counts[FRACTIONAL]:
        return replace(seen, integral=False, classes={}, classes_complete=False)
    if counts[BELOW] or counts[TOO_HIGH] or not counts.any():
        return None
    found = np.flatnonzero(counts[1:TOO_HIGH])
    values = counts[1:TOO_HIGH]
    total = float(values.sum())
    mean = float((values * np.arange(len(values))).sum()) / total
    spread = float((values * (np.arange(len(values)) - mean) ** 2).sum()) / total
    return replace(
        seen,
        rows=int(total),
        size=int(total),
        num_zero=int(values[0]),
        min=float(found[0]),
        max=float(found[-1]),
        mean=mean,
        std=spread**0.5,
        integral=True,
        classes={str(value): int(values[value]) for value in found},
        classes_complete=True,
    )


def one_hots(seen: TensorSummary, counts: Counts, rows: float) -> TensorSummary | None:
    """One-hot rows, from the sums of their columns, shape (width,): these sum up to the number of rows."""

    if not seen.one_hot or not rows or not np.isfinite(counts).all() or round(counts.sum()) != round(rows):
        return None
    shares = counts / rows
    columns = tuple(
        ColumnSummary(
            index, min=0.0, max=float(share > 0), mean=float(share), std=(share * (1 - share)) ** 0.5
        )
        for index, share in enumerate(shares)
    )
    classes = {str(index): int(count) for index, count in enumerate(counts) if count}
    return replace(seen, rows=int(rows), size=int(rows) * len(counts), columns=columns, classes=classes)
