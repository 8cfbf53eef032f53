"""Which part of the input goes into an embedding, as the ops of a traced step show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nanwatch.record.facts import TokenInput
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Model, Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.model.traced_graph import DEPTH, PASSING, op_of, shape_of
from nanwatch.watch.train_step.traced_step import TracedStep


def token_inputs(model: Model, seen: TracedStep) -> list[TokenInput]:
    """One for each call of an embedding with floats of the input, be it with some of its columns."""
    paths = {id(layer): path for path, layer in seam().layers_of(model)}
    keys = {id(tensor): key for key, tensor in seen.inputs}
    found = []
    for layer, inputs, _ in seen.calls:
        if isinstance(layer, keras.layers.Embedding) and inputs and id(layer) in paths:
            source = source_of(inputs[0], keys)
            if source is not None:
                found.append(TokenInput(paths[id(layer)], *source))
    return list(dict.fromkeys(found))


def source_of(tensor: Tensor, keys: dict[int, str]) -> tuple[str, tuple[int, ...]] | None:
    """The key of the input of floats that ``tensor`` is handed on from, and the columns of it; () for all."""
    columns: tuple[int, ...] = ()
    for _ in range(DEPTH):
        if id(tensor) in keys:
            return (keys[id(tensor)], columns) if tensor.dtype.is_floating else None
        op = op_of(tensor)
        if op is None or not op.inputs:
            return None
        if op.type == "StridedSlice" and not columns:
            columns = columns_taken(op)
            if not columns:
                return None
        elif op.type not in PASSING:
            return None
        tensor = op.inputs[0]
    return None


def columns_taken(op: Any) -> tuple[int, ...]:
    """The places on the last axis that a slice with constant ends takes; () where that is not known."""
    shape = shape_of(op.inputs[0])
    ends = [tf.get_static_value(given) for given in op.inputs[1:4]]
    if not shape or shape[-1] is None or any(each is None for each in ends):
        return ()
    places = np.broadcast_to(np.arange(shape[-1]), [*(1 for _ in shape[:-1]), shape[-1]])
    try:
        taken = places[tuple(slices_of(op, ends))]
    except IndexError:  # a part of another axis, of which no more than one place is known here
        return ()
    return tuple(int(place) for place in np.unique(taken))


def slices_of(op: Op, ends: Sequence[Any]) -> list[Any]:
    """The slice as Python would write it."""
    attributes: Any = op

    def is_set(mask: str, place: int) -> bool:
        return bool(attributes.get_attr(mask) >> place & 1)

    found: list[Any] = []
    for place, (begin, end, stride) in enumerate(zip(*ends, strict=True)):
        if is_set("ellipsis_mask", place):
            found.append(...)
        elif is_set("new_axis_mask", place):
            found.append(None)
        elif is_set("shrink_axis_mask", place):
            found.append(int(begin))
        else:
            first = None if is_set("begin_mask", place) else int(begin)
            last = None if is_set("end_mask", place) else int(end)
            found.append(slice(first, last, int(stride)))
    return found
