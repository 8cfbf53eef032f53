"""Changes of the data: inputs, labels, weights and the order of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from nanwatch.record.interventions import Intervention
from nanwatch.replay.course import Setup
from nanwatch.replay.making import NotPossible, as_number, as_numbers, standardised, with_inputs, with_labels
from nanwatch.watch.data.kept_rows import map_arrays
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array

LARGER = 4  # times the size of a batch


@contextmanager
def standardise_input(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Each feature with mean 0 and deviation 1, or those that the change names; pictures as a whole."""
    columns = [int(place) for place in change.value] if isinstance(change.value, tuple) else []

    def mended(leaf: Array) -> Array:
        whole = standardised(leaf)
        if not columns or leaf.ndim != 2:
            return whole
        some = leaf.astype(np.float32)
        some[:, columns] = whole[:, columns]
        return some

    yield with_inputs(setup, change.target, mended)


@contextmanager
def scale_input(setup: Setup, change: Intervention) -> Iterator[Setup]:
    factor = as_number(change)
    yield with_inputs(setup, change.target, lambda leaf: leaf.astype(np.float32) * np.float32(factor))


@contextmanager
def standardise_target(setup: Setup, change: Intervention) -> Iterator[Setup]:
    yield with_labels(setup, standardised, change.target)


@contextmanager
def scale_target(setup: Setup, change: Intervention) -> Iterator[Setup]:
    factor = as_number(change)
    yield with_labels(setup, lambda leaf: leaf.astype(np.float32) * np.float32(factor), change.target)


@contextmanager
def rescale_target(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """From the range that the change tells to 0..1."""
    low, high = as_numbers(change, 2)
    yield with_labels(setup, lambda leaf: (leaf.astype(np.float32) - low) / (high - low), change.target)


@contextmanager
def shift_labels(setup: Setup, change: Intervention) -> Iterator[Setup]:
    by = as_number(change)
    yield with_labels(setup, lambda leaf: (leaf + by).astype(leaf.dtype))


@contextmanager
def shuffle_rows(setup: Setup, change: Intervention) -> Iterator[Setup]:
    if setup.shuffled:
        raise NotPossible("the rows are shuffled")
    yield replace(setup, shuffled=True)


@contextmanager
def drop_nonfinite_rows(setup: Setup, change: Intervention) -> Iterator[Setup]:
    keep = np.ones(setup.rows.length, bool)
    for leaf in seam().flatten(list(setup.rows)):
        if leaf is not None and leaf.dtype.kind == "f":
            keep &= np.isfinite(leaf.reshape(len(leaf), -1)).all(axis=1)
    if not keep.any() or keep.all():
        raise NotPossible("no row would be left, or none would go")
    yield replace(setup, rows=setup.rows.take(np.flatnonzero(keep)))


@contextmanager
def set_batch_size(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The size that the change tells; without one larger batches, whose averages serve in inference."""
    if change.value is not None:
        yield replace(setup, batch_size=int(as_number(change)))
        return
    larger = min(LARGER * setup.batch_size, setup.rows.length)
    if larger <= setup.batch_size:
        raise NotPossible("there are no more rows")
    yield replace(setup, batch_size=larger, inference=True)


@contextmanager
def keep_one_step(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The first step of samples that are 0 throughout, and so masked, is 1."""

    def with_a_step(leaf: Array) -> Array:
        empty = ~leaf.reshape(len(leaf), -1).any(axis=1)
        if leaf.ndim < 2 or not empty.any():
            raise NotPossible("no sample is 0 throughout")
        found = leaf.copy()
        found[empty, 0] = 1
        return found

    yield with_inputs(setup, "", with_a_step)


# -- gaps, and columns that say nothing


@contextmanager
def impute_input(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """NaN in each column, or in those that the change names, becomes the median of its finite values."""
    columns = places_in(change.value)
    yield with_inputs(setup, change.target, lambda leaf: imputed(leaf, columns))


def imputed(leaf: Array, columns: list[int]) -> Array:
    if leaf.dtype.kind != "f":
        return leaf
    found = leaf.copy()
    features = found.reshape(-1, found.shape[-1] if found.ndim > 1 else 1)  # a view
    for column in columns or range(features.shape[1]):
        values = features[:, column]
        finite = values[np.isfinite(values)]
        values[np.isnan(values)] = np.median(finite) if finite.size else 0.0
    return found


@contextmanager
def silence_columns(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The columns that the change names are 0 in every row, and so as good as dropped.

    So is a constant one whose scaling was guarded.
    """
    columns = places_in(change.value)
    if not columns:
        raise NotPossible("no columns are named")

    def silenced(leaf: Array) -> Array:
        if leaf.ndim < 2 or max(columns) >= leaf.shape[-1]:
            raise NotPossible("it has no such columns")
        found = leaf.copy()
        found[..., columns] = 0
        return found

    yield with_inputs(setup, change.target, silenced)


@contextmanager
def number_tokens(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """The least token becomes 0."""
    yield with_inputs(setup, change.target, lambda leaf: leaf - min(0, leaf.min()))


@contextmanager
def count_tokens(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Each value becomes its number among those that there are, from 0 on: in the columns that the change
    names, or in all."""
    columns = places_in(change.value)

    def counted(leaf: Array) -> Array:
        if columns and (leaf.ndim < 2 or max(columns) >= leaf.shape[-1]):
            raise NotPossible("it has no such columns")
        part = leaf[..., columns] if columns else leaf
        values, numbers = np.unique(part, return_inverse=True)
        if np.array_equal(values, np.rint(values)):
            raise NotPossible("they are whole numbers")
        found = leaf.astype(np.float32)
        found[..., columns or slice(None)] = numbers.reshape(part.shape)
        return found

    yield with_inputs(setup, change.target, counted)


# -- labels


@contextmanager
def drop_labels(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Without the rows whose label is the one that the change tells."""
    marker = as_number(change)
    keep = np.ones(setup.rows.length, bool)
    for leaf in seam().flatten(setup.rows.y):
        if leaf.size != len(leaf):
            raise NotPossible("a row has several labels")
        keep &= leaf.reshape(-1) != marker
    if not keep.any() or keep.all():
        raise NotPossible("no row would be left, or none would go")
    yield replace(setup, rows=setup.rows.take(np.flatnonzero(keep)))


@contextmanager
def number_labels(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Class numbers that were scaled, as 0, 1, 2 and so on in their order."""
    units = (getattr(setup.model, "output_shape", None) or (None,))[-1]

    def numbered(leaf: Array) -> Array:
        classes, found = np.unique(leaf, return_inverse=True)
        if isinstance(units, int) and len(classes) > units:
            raise NotPossible(f"there are {len(classes)} labels for {units} units")
        return found.reshape(leaf.shape).astype(np.int32)

    yield with_labels(setup, numbered, change.target)


@contextmanager
def reshape_labels(setup: Setup, change: Intervention) -> Iterator[Setup]:
    shape = [int(size) for size in as_numbers(change)]

    def reshaped(leaf: Array) -> Array:
        found = leaf.reshape(shape)
        if len(found) != len(leaf):
            raise NotPossible("the rows would not stay the rows")
        return found

    yield with_labels(setup, reshaped, change.target)


# -- weights of rows


@contextmanager
def mend_class_weight(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Rows of a class whose weight is not finite weigh 1; with "balanced" all classes weigh the same."""
    yield balanced(setup) if change.value == "balanced" else with_finite_weights(setup, 1.0)


def balanced(setup: Setup) -> Setup:
    """Each row weighs the inverse of its class's share, in the place of what it weighed."""
    labels = np.asarray(seam().flatten(setup.rows.y)[0])
    classes = labels.argmax(axis=-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(-1)
    if len(classes) != setup.rows.length:
        raise NotPossible("a row has several labels")
    _, places, counts = np.unique(classes, return_inverse=True, return_counts=True)
    weights = (len(classes) / (len(counts) * counts))[places]
    return replace(setup, rows=setup.rows._replace(sample_weight=weights.astype(np.float32)))


@contextmanager
def mend_sample_weight(setup: Setup, change: Intervention) -> Iterator[Setup]:
    """Rows whose weight is not finite are left out, by the weight 0."""
    yield with_finite_weights(setup, 0.0)


def with_finite_weights(setup: Setup, instead: float) -> Setup:
    leaves = [leaf for leaf in seam().flatten(setup.rows.sample_weight) if leaf is not None]
    if all(np.isfinite(leaf).all() for leaf in leaves):
        raise NotPossible("every row has a finite weight")
    weights = map_arrays(
        lambda leaf: np.where(np.isfinite(leaf), leaf, instead).astype(leaf.dtype), setup.rows.sample_weight
    )
    return replace(setup, rows=setup.rows._replace(sample_weight=weights))


def places_in(value: object) -> list[int]:
    """The columns that a change names; none means all."""
    return [int(place) for place in value] if isinstance(value, tuple) else []
