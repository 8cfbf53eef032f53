"""The tensors of one batch by name, and which of them can be handed to the host."""

from __future__ import annotations

from typing import Any

import keras
import numpy.typing as npt
import tensorflow as tf

from nanwatch.record.notes import NotDense
from nanwatch.record.watchpoints import Role, Watchpoint

Named = list[tuple[str, Any]]  # (key, tensor)
Batch = dict[Role, Named]
HostBatch = dict[tuple[Role, str], npt.NDArray[Any]]  # (role, key) -> the tensor as it came to the host
ROLES: tuple[Role, ...] = ("input", "label", "sample_weight")


def named_tensors(structure: Any) -> Named:
    """(key, tensor) of every dense tensor: dict keys, or positions; "0" for a lone tensor."""
    found: Named = []
    for path, leaf in keras.tree.flatten_with_path(structure):
        if leaf is not None:
            found.append(("/".join(str(part) for part in path) or "0", leaf))
    return found


def is_dense(tensor: Any) -> bool:
    """Whether ``tensor`` is an ordinary tensor of numbers."""
    return isinstance(tensor, tf.Tensor) and (
        tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool
    )


def split_batch(data: Any) -> Batch:
    """A batch as Keras hands it to ``train_step``, by role.

    A custom step may get another structure; then all of it counts as input.
    """
    try:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    except ValueError:
        x, y, sample_weight = data, None, None
    return {
        "input": named_tensors(x),
        "label": named_tensors(y),
        "sample_weight": named_tensors(sample_weight),
    }


def dense_tensors(batch: Batch) -> list[tuple[Role, str, Any]]:
    """(role, key, tensor) of what can be watched."""
    return [(role, key, tensor) for role in ROLES for key, tensor in batch[role] if is_dense(tensor)]


def list_not_dense(batch: Batch) -> list[NotDense]:
    return [
        NotDense(
            Watchpoint(role, key),
            type(tensor).__name__,
            tensor.dtype.name if isinstance(tensor, tf.Tensor) else None,
        )
        for role in ROLES
        for key, tensor in batch[role]
        if not is_dense(tensor)
    ]


def has_rows(batch: Batch) -> bool:
    """Whether it can be seen how many rows the batch has."""
    return any(tensor.shape.rank for _, _, tensor in dense_tensors(batch))


def number_of_rows(batch: Batch) -> Any:
    """Rows of the batch as a float32 scalar; 0 where they cannot be seen."""
    for _, _, tensor in dense_tensors(batch):
        if tensor.shape.rank:
            return tf.cast(tf.shape(tensor)[0], tf.float32)
    return tf.constant(0.0)


def rebuild_batch(template: Any, batch: HostBatch) -> Any:
    """The batch in the structure the step was given; None where part of it is not at hand."""
    leaves = keras.tree.flatten(template)
    values = [tf.convert_to_tensor(array) for array in batch.values()]
    if sum(leaf is not None for leaf in leaves) != len(values):
        return None
    waiting = iter(values)
    return keras.tree.pack_sequence_as(template, [None if leaf is None else next(waiting) for leaf in leaves])
