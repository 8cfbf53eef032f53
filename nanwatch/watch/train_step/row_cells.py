"""The ops that fill the cells of a step's row, in the order of its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nanwatch.watch.data import batch as batches
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Optimizer, Tensor, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.own_ops import COPIED
from nanwatch.watch.train_step.row_layout import LEARNING_RATE, LOSS, PENALTY, ROWS, Key, Layout
from nanwatch.watch.train_step.sentinels import extremes_of, half_square_sum, watchable
from nanwatch.watch.train_step.traced_step import TracedStep, batch_penalty


def batch_cells(layout: Layout, batch: batches.Batch) -> Tensor:
    """What the batch tells: float32, shape (of_batch,)."""
    cells: dict[Key, Tensor] = {}
    if ROWS in layout.place:
        cells[ROWS] = batches.number_of_rows(batch)
    for role, key, tensor in batches.dense_tensors(batch):
        if (role, key, "max") in layout.place:
            cells[role, key, "min"], cells[role, key, "max"] = extremes_of(tensor)
        elif (role, key, "l2_norm") in layout.place:
            cells[role, key, "l2_norm"] = half_square_sum(tensor)
    layout.seen.update(cells)
    return stack_cells(cells, layout.columns()[: layout.of_batch])


def step_cells(
    layout: Layout,
    seen: TracedStep,
    loss: Tensor | None,
    optimizer: Optimizer | None,
    activations: Mapping[str, Tensor],
) -> Tensor:
    """What the user's step itself gives: float32, shape (of_step - of_batch,).

    ``loss`` is a float32 scalar; ``activations`` are what the layers gave out, by path.
    """
    cells: dict[Key, Tensor] = {}
    if optimizer is not None:
        with tf.name_scope(COPIED):  # a schedule's ops are its own
            rate = tf.convert_to_tensor(optimizer.learning_rate)
        cells[LEARNING_RATE] = tf.cast(rate, tf.float32)
    if loss is not None:
        cells[LOSS] = loss
    penalty = batch_penalty(seen)
    if penalty is not None:
        cells[PENALTY] = penalty
    known: dict[int, Tensor] = {}  # a Flatten gives out what it got, and the head gives the output

    def norm(tensor: Tensor) -> Tensor:
        base = behind_reshapes(tensor)
        if id(base) not in known:
            known[id(base)] = half_square_sum(base)
        return known[id(base)]

    for path, tensor in activations.items():
        if ("activation", path, "l2_norm") in layout.place:
            cells["activation", path, "l2_norm"] = norm(tensor)
    if seen.outputs:
        sums = [norm(tensor) for _, tensor in seen.outputs]
        cells["output", "output", "l2_norm"] = tf.add_n(sums) if len(sums) > 1 else sums[0]
    present = [variable for grad, variable in seen.gradients if watchable(grad)]
    for variable, value in zip(present, seen.sums, strict=False):
        key = ("gradient", seam().path_of(variable), "l2_norm")
        cells[key] = tf.add(cells[key], value) if key in cells else value  # of two updates, both
    layout.seen.update(key for key in cells if key in layout.place)
    return stack_cells(cells, layout.columns()[layout.of_batch : layout.of_step])


def weight_cells(layout: Layout, variables: Sequence[Variable]) -> Tensor:
    """The weights as the step has left them: float32, a vector of the cells behind ``of_step``."""
    cells: dict[Key, Tensor] = {}
    for variable in variables:
        weight = tf.convert_to_tensor(variable)
        if weight.dtype.is_floating:
            cells["weight", seam().path_of(variable), "l2_norm"] = half_square_sum(weight)
    layout.seen.update(key for key in cells if key in layout.place)
    return stack_cells(cells, layout.columns()[layout.of_step :])


def stack_cells(cells: Mapping[Key, Tensor], columns: Sequence[Key]) -> Tensor:
    """The cells of these columns, float32, a vector; 0 in the place of one that is not there."""
    zero = tf.constant(0.0)
    found = [cells.get(key, zero) for key in columns]
    row: Tensor = tf.stack(found) if found else tf.zeros([0])
    return row


def behind_reshapes(tensor: Tensor) -> Tensor:
    """The tensor of the same graph that ``tensor`` has its elements from; itself in eager execution."""
    while not tf.executing_eagerly() and tensor.op.type == "Reshape":
        tensor = tensor.op.inputs[0]
    return tensor
