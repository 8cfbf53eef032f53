"""Rows of a training that are kept while it runs, so that it can be made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.data.fit_arrays import as_keras_sees
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Structure

MOST_BYTES = 32 * 2**20  # of inputs, labels and weights; of more data every second, third, ... row is kept


class Rows(NamedTuple):
    """Inputs, labels and weights, each in the structure that the step takes: arrays of shape (rows, ...)."""

    x: Structure
    y: Structure
    sample_weight: Structure

    @property
    def length(self) -> int:
        return len(seam().flatten(self.x)[0])

    def take(self, places: Array | slice) -> Rows:
        """The rows at ``places``, in their order."""
        return Rows(*(map_arrays(lambda leaf: leaf[places], part) for part in self))

    def with_weights(self, weights: Array) -> Rows:
        """The same, each row weighted by ``weights``, shape (rows,), too."""
        if self.sample_weight is None:
            return self._replace(sample_weight=weights)
        return self._replace(sample_weight=map_arrays(lambda leaf: leaf * weights, self.sample_weight))


def map_arrays(change: Callable[[Any], Array | None], part: Structure) -> Structure:
    """``part`` with each of its arrays changed; None stays None."""
    return seam().map_structure(lambda leaf: None if leaf is None else change(leaf), part)


def rows_of_arrays(x: Structure, y: Structure, sample_weight: Structure) -> Rows | None:
    """A copy of the arrays that ``fit`` was given, thinned to `MOST_BYTES`; None where they are none."""
    leaves = [leaf for part in (x, y, sample_weight) for leaf in seam().flatten(part) if leaf is not None]
    if not leaves or x is None or y is None or not all(map(is_table, leaves)):
        return None
    if len({leaf.shape[0] for leaf in leaves}) != 1 or not leaves[0].shape[0]:
        return None
    size = sum(int(np.prod(leaf.shape)) * np.dtype(as_numpy_name(leaf)).itemsize for leaf in leaves)
    every = max(1, -(-size // MOST_BYTES))
    return Rows(*(map_arrays(lambda leaf: copied(leaf, every), part) for part in (x, y, sample_weight)))


def is_table(leaf: object) -> bool:
    """Whether ``leaf`` is an array of numbers with rows."""
    if not (hasattr(leaf, "__array__") and getattr(leaf, "shape", None) and hasattr(leaf, "dtype")):
        return False
    try:
        return np.dtype(as_numpy_name(leaf)).kind in "fiub"
    except TypeError:
        return False


def as_numpy_name(leaf: object) -> str:
    kind = getattr(leaf, "dtype", "")
    return str(getattr(kind, "name", kind))


def copied(leaf: Structure, every: int) -> Array:
    thinned = np.asarray(leaf[::every])
    seen = as_keras_sees(thinned)
    return seen.copy() if seen is thinned else seen


@dataclass
class KeptBatches:
    """Batches that looks have brought to the host, in their order, up to `MOST_BYTES`."""

    batches: list[HostBatch] = field(default_factory=list)
    size: int = 0  # bytes

    def hold(self, batch: HostBatch) -> None:
        size = sum(array.nbytes for array in batch.values())
        if not batch or self.size + size > MOST_BYTES:
            return
        self.size += size
        self.batches.append(batch)

    def rows(self, template: Structure) -> Rows | None:
        """All of them as one table; None where the batches are no ordinary (x, y, sample_weight)."""
        alike = [batch for batch in self.batches if same_kind(batch, self.batches[0])]
        if not alike:
            return None
        whole = {key: np.concatenate([batch[key] for batch in alike]) for key in alike[0]}
        if len({len(array) for array in whole.values()}) != 1:
            return None
        try:
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(template)
        except ValueError:
            return None
        if y is None:
            return None
        waiting = iter(whole.values())
        parts = [map_arrays(lambda _: next(waiting, None), part) for part in (x, y, sample_weight)]
        left = next(waiting, None)
        leaves = [leaf for part in parts for leaf in seam().flatten(part)]
        return Rows(*parts) if left is None and len(leaves) >= len(whole) else None


def same_kind(batch: HostBatch, other: HostBatch) -> bool:
    """Whether two batches can stand one after the other in one table."""
    return batch.keys() == other.keys() and all(
        array.ndim and array.shape[1:] == other[key].shape[1:] for key, array in batch.items()
    )


def batches_of(rows: Rows, batch_size: int, shuffled: bool, seed: int) -> Iterator[Rows]:
    """Batches without end, epoch after epoch; with ``shuffled`` each is in an order of its own."""
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(rows.length) if shuffled else np.arange(rows.length)
        for first in range(0, rows.length, batch_size):
            yield rows.take(order[first : first + batch_size])
