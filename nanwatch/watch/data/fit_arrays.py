"""The arrays a fit was given, read once before the first step."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from nanwatch.record.facts import DataInfo, TensorSummary
from nanwatch.record.watchpoints import Role
from nanwatch.watch.data.profile import profile_of
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Structure

MOST_ELEMENTS = 8_000_000  # about 0.2 s of counting; larger arrays are only seen batch by batch


class ArrayLike(Protocol):
    """An array, or what NumPy makes one of: a tensor, a column of a frame."""

    shape: tuple[int, ...]

    def __array__(self) -> Array: ...


def arrays_in(structure: Structure) -> list[tuple[str, ArrayLike]] | None:
    """(key, array) of everything in ``structure``; None unless all of it is arrays."""
    found = []
    if structure is None:
        return []
    try:
        leaves = seam().flatten_with_path(structure)
    except (TypeError, ValueError):
        return None
    for path, leaf in leaves:
        if leaf is None:
            continue
        if not (hasattr(leaf, "__array__") and hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
            return None
        found.append(("/".join(str(part) for part in path) or "0", leaf))
    return found


def summarise_arrays(role: Role, structure: Structure) -> tuple[TensorSummary, ...] | None:
    """Summaries of arrays; None when ``structure`` holds something else, or too much."""
    found = arrays_in(structure)
    if found is None or sum(int(np.prod(leaf.shape, dtype=np.int64)) for _, leaf in found) > MOST_ELEMENTS:
        return None
    counted = []
    for key, leaf in found:
        array = np.asarray(leaf)
        if array.dtype.kind not in "fiub" or not array.ndim:
            return None
        summary = profile_of(role, key, as_keras_sees(array))
        counted.append(replace(summary, deviation=deviation_of(array)) if role == "label" else summary)
    return tuple(counted)


def deviation_of(labels: Array) -> float | None:
    """What the best constant answer costs in absolute error; None where a label is not finite."""
    if not labels.size or not np.isfinite(labels).all():
        return None
    return float(np.abs(labels - np.median(labels, axis=0)).mean())


def as_keras_sees(array: Array) -> Array:
    """Keras feeds float64 as float32 (``keras.config.floatx()``): what overflows there is infinite."""
    if array.dtype == np.float64 and keras.config.floatx() != "float64":
        with np.errstate(over="ignore"):
            return array.astype(keras.config.floatx())
    return array


def data_of(x: Structure, y: Structure, sample_weight: Structure) -> DataInfo | None:
    """The data of a fit or of its validation, where it came as arrays."""
    inputs, labels = summarise_arrays("input", x), summarise_arrays("label", y)
    weights = summarise_arrays("sample_weight", sample_weight)
    if not inputs or labels is None or weights is None:
        return None
    return DataInfo(inputs, labels, weights, whole=True)
