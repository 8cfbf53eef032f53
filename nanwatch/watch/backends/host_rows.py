"""Which number of a step stands where, and the rows of steps on the host."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from nanwatch.record.notes import NotDense
from nanwatch.record.watchpoints import Role, Watchpoint
from nanwatch.watch.data.batch import ROLES, Batch, HostBatch
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Variable
from nanwatch.watch.train_step.row_layout import LEARNING_RATE, LOSS, ROWS, Key, Layout

OUTPUT: Key = ("output", "output", "l2_norm")


def is_array(leaf: object) -> bool:
    """Whether it is an ordinary tensor or array of numbers, be it one that is traced."""
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        return False
    name = dtype_name(leaf)
    return name.startswith(("float", "bfloat", "int", "uint", "bool"))


def dtype_name(leaf: Any) -> str:
    """ "float32", whosever the dtype is."""
    return str(leaf.dtype).rpartition(".")[2]


def is_whole(leaf: Any) -> bool:
    return not dtype_name(leaf).startswith(("float", "bfloat"))


def arrays_of(batch: Batch) -> list[tuple[Role, str, Any]]:
    """(role, key, tensor) of what of ``batch`` can be watched."""
    return [(role, key, leaf) for role in ROLES for key, leaf in batch[role] if is_array(leaf)]


def list_not_dense(batch: Batch) -> list[NotDense]:
    return [
        NotDense(
            Watchpoint(role, key), type(leaf).__name__, dtype_name(leaf) if hasattr(leaf, "dtype") else None
        )
        for role in ROLES
        for key, leaf in batch[role]
        if not is_array(leaf)
    ]


def on_host(batch: Batch) -> HostBatch:
    """The tensors of a batch as NumPy arrays."""
    return {(role, key): array_of(leaf) for role, key, leaf in arrays_of(batch)}


def array_of(tensor: Any) -> Array:
    array: Array = np.asarray(keras.ops.convert_to_numpy(tensor))
    return array


def layout_of(batch: Batch, variables: Sequence[Variable], without: Collection[str]) -> Layout:
    """The columns for one batch and the trained ``variables``; ``without``: roles that are not seen."""
    layout = Layout()
    arrays = arrays_of(batch)
    if any(len(leaf.shape) for _, _, leaf in arrays):
        layout.add(*ROWS)
    for role, key, leaf in arrays:
        if role == "label" or is_whole(leaf):
            layout.add(role, key, "min")
            layout.add(role, key, "max")
        else:
            layout.add(role, key, "l2_norm")
    layout.of_batch = layout.width
    layout.add(*LEARNING_RATE)
    if "loss" not in without:
        layout.add(*LOSS)
    if "output" not in without:
        layout.add(*OUTPUT)
    for variable in variables if "gradient" not in without else ():
        layout.add("gradient", seam().path_of(variable), "l2_norm")
    layout.of_step = layout.width
    for variable in variables:
        layout.add("weight", seam().path_of(variable), "l2_norm")
    return layout


def in_order(layout: Layout, cells: Mapping[Key, Any], nothing: Any) -> list[Any]:
    """The cells in the order of the columns, ``nothing`` where there is none; notes what was seen."""
    layout.seen.update(key for key in cells if key in layout.place)
    return [cells.get(key, nothing) for key in layout.columns()]
