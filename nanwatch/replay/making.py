"""What the changes are made of: parts of a training replaced, and what keeps one from being made."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np

from nanwatch.record.interventions import Intervention
from nanwatch.replay.course import Setup
from nanwatch.watch.data.kept_rows import map_arrays
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Layer, Model, Structure

Change = Callable[[Setup, Intervention], AbstractContextManager[Setup]]
SEED = 1  # of weights that a trial draws anew


class NotPossible(ValueError):
    """The change cannot be made to this training."""


def with_inputs(setup: Setup, target: str, change: Callable[[Array], Array]) -> Setup:
    """Every float input changed, or the one that is called ``target``."""
    x = changed_leaves(setup.rows.x, target, change)
    return replace(setup, rows=setup.rows._replace(x=x))


def with_labels(setup: Setup, change: Callable[[Array], Array], output: str | None = None) -> Setup:
    """All labels changed; of a model with several outputs those of ``output``, where it is given.

    Raises:
        NotPossible: which labels are those of ``output`` is not known.
    """
    y = setup.rows.y
    leaves = seam().flatten(y)
    if output is None or len(leaves) == 1:
        return replace(setup, rows=setup.rows._replace(y=map_arrays(change, y)))
    names = sorted(y) if isinstance(y, dict) else seam().output_names(setup.model)
    places = [str(place) for place in range(len(leaves))]  # by which the record knows those of a list
    named = names if output in names else places
    if output not in named or len(named) != len(leaves):
        raise NotPossible(f"the labels of {output} are not known")
    place = named.index(output)
    leaves[place] = change(leaves[place])
    return replace(setup, rows=setup.rows._replace(y=seam().pack_sequence_as(y, leaves)))


def changed_leaves(part: Structure, target: str, change: Callable[[Array], Array]) -> Structure:
    paths = seam().flatten_with_path(part)
    names = ["/".join(map(str, path)) or "0" for path, _ in paths]
    wanted = [name for name in names if name == target] or names
    leaves = [
        change(leaf) if leaf is not None and name in wanted else leaf
        for name, (_, leaf) in zip(names, paths, strict=True)
    ]
    return seam().pack_sequence_as(part, leaves)


def standardised(leaf: Array) -> Array:
    """Shape (rows, features): each feature; of any other shape: as a whole. Constant ones are left."""
    values = leaf.astype(np.float64)
    axis = 0 if values.ndim <= 2 else None
    mean, deviation = values.mean(axis=axis), values.std(axis=axis)
    found: Array = ((values - mean) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
    return found


def layer_at(model: Model, path: str) -> Layer:
    layer = dict(seam().layers_of(model)).get(path)
    if layer is None:
        raise NotPossible(f"there is no layer {path}")
    return layer


def as_number(change: Intervention) -> float:
    if isinstance(change.value, int | float) and math.isfinite(change.value):
        return float(change.value)
    raise NotPossible(f"{change.value!r} is no number")


def as_numbers(change: Intervention, count: int | None = None) -> list[float]:
    values = change.value if isinstance(change.value, tuple) else ()
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if not numbers or (count is not None and len(numbers) != count):
        raise NotPossible(f"{change.value!r} are not the numbers that it takes")
    return numbers


def called(loss: Any) -> Callable[[Structure, Structure, Structure], Any]:
    """A loss of one output, called as ``compile``'s is: the mean over the rows."""

    def call(y: Structure, y_pred: Structure, sample_weight: Structure) -> Any:
        labels, output = (seam().flatten(part)[0] for part in (y, y_pred))
        one_unit = len(output.shape) == len(labels.shape) + 1 and output.shape[-1] == 1
        given = [keras.ops.expand_dims(labels, -1) if one_unit else labels, output]  # as Keras does it
        weight = None if sample_weight is None else seam().flatten(sample_weight)[0]
        if isinstance(loss, keras.losses.Loss):
            return loss(*given, sample_weight=weight)
        values = loss(*given)
        return keras.ops.mean(values if weight is None else values * weight)

    return call


def loss_name(loss: object) -> str:
    """Of a loss of ``compile``: its function's, else its class's, in lower case without underscores."""
    function = getattr(loss, "fn", loss)
    name = getattr(function, "__name__", type(function).__name__)
    return str(name).lower().replace("_", "")


def is_sparse(loss: object) -> bool:
    return loss_name(loss) == "sparsecategoricalcrossentropy"
