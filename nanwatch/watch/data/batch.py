"""The tensors of one batch by name, and which of them can be handed to the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard

from nanwatch.record.notes import NotDense
from nanwatch.record.watchpoints import Role, Watchpoint
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Structure, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf


class WatchedTensor(NamedTuple):
    """A tensor and its watchpoint."""

    role: Role
    path: str
    tensor: Tensor


Leaves = Sequence[tuple[str, object]]  # (key, what the script put there)
Named = Sequence[tuple[str, Tensor]]  # (key, tensor)
Batch = dict[Role, Leaves]
HostBatch = dict[tuple[Role, str], Array]  # (role, key) -> the tensor as it came to the host
ROLES: tuple[Role, ...] = ("input", "label", "sample_weight")


def named_tensors(structure: Structure) -> list[tuple[str, Any]]:
    """(key, leaf) of everything but None: dict keys, or positions; "0" for a lone tensor."""
    found: list[tuple[str, Any]] = []
    for path, leaf in seam().flatten_with_path(structure):
        if leaf is not None:
            found.append(("/".join(str(part) for part in path) or "0", leaf))
    return found


def is_dense(leaf: object) -> TypeGuard[Tensor]:
    """Whether ``leaf`` is an ordinary tensor of numbers."""
    return isinstance(leaf, tf.Tensor) and (
        leaf.dtype.is_floating or leaf.dtype.is_integer or leaf.dtype.is_bool
    )


def split_batch(data: Structure) -> Batch:
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


def dense_tensors(batch: Batch) -> list[WatchedTensor]:
    """What of ``batch`` can be watched."""
    return [WatchedTensor(role, key, leaf) for role in ROLES for key, leaf in batch[role] if is_dense(leaf)]


def list_not_dense(batch: Batch) -> list[NotDense]:
    return [
        NotDense(
            Watchpoint(role, key),
            type(leaf).__name__,
            leaf.dtype.name if isinstance(leaf, tf.Tensor) else None,
        )
        for role in ROLES
        for key, leaf in batch[role]
        if not is_dense(leaf)
    ]


def has_rows(batch: Batch) -> bool:
    """Whether it can be seen how many rows the batch has."""
    return any(tensor.shape.rank for _, _, tensor in dense_tensors(batch))


def number_of_rows(batch: Batch) -> Tensor:
    """Rows of the batch, a float32 scalar; 0 where they cannot be seen."""
    for _, _, tensor in dense_tensors(batch):
        if tensor.shape.rank:
            rows: Tensor = tf.cast(tf.shape(tensor)[0], tf.float32)
            return rows
    unseen: Tensor = tf.constant(0.0)
    return unseen


def rebuild_batch(template: Structure, batch: HostBatch) -> Structure:
    """The batch in the structure the step was given; None where part of it is not at hand."""
    leaves = seam().flatten(template)
    values = [tf.convert_to_tensor(array) for array in batch.values()]
    if sum(leaf is not None for leaf in leaves) != len(values):
        return None
    waiting = iter(values)
    return seam().pack_sequence_as(template, [None if leaf is None else next(waiting) for leaf in leaves])
