"""A look: one step's batch, predictions and small activations, seen in full on the host."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nanwatch.record.watchpoints import Role
from nanwatch.watch.data.batch import HostBatch, WatchedTensor
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Graph, Tensor, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.eager_ops import EagerStep
from nanwatch.watch.train_step.traced_step import TracedStep

Names = list[tuple[Role, str]]  # of tensors, in the order in which their arrays are handed over

MOST_PER_ROW = 16_384  # elements a row: 2 MB in float32 for a batch of 32
MOST_TOGETHER = 65_536  # elements a row, all activations of a look together: 8 MB
SAMPLE = 4096  # elements of a weight
WIDENING = (
    2  # looks drift apart by at most half the steps so far: 20 of them in 10,000 steps, whatever they cost
)
STEPS_AFTER_AN_ERROR = 1000  # that are not inspected when an inspection failed
FIRST_LOOKS = 8  # steps looked at one after the other
SHARE = 0.01  # of the time of the training that looks may take
TRANSFER = 2.0  # what a look costs in all, over what the host's part of it costs: handing over the arrays
MOST_ARRAY = 4_000_000  # elements of a batch that a look counts; of a larger one, its first rows
STATS = ("size", "num_nan", "num_pos_inf", "num_neg_inf", "num_zero", "min", "max", "mean", "l2_norm")
OUTPUT_STATS = (*STATS, "row_std", "rows_summing_to_zero")
ACTIVATION_STATS = (*STATS, "row_std")


class SeenArray(NamedTuple):
    """A tensor of the model as it came to the host."""

    role: Role
    path: str
    values: Array


class Trace(NamedTuple):
    """A traced step, and the graph in which its row is written: its own, or the one that calls it."""

    seen: TracedStep
    graph: Graph


class RanStep(NamedTuple):
    """A compiled step that went bad: the trace that ran, and what it held, by the tensors' names."""

    trace: Trace
    held: Mapping[str, Array]


def size_of(ran: RanStep | EagerStep) -> int:
    """The bytes that holding it takes."""
    if isinstance(ran, RanStep):
        return sum(array.nbytes for array in ran.held.values())
    tensors = {id(tensor): tensor for op in ran.ops for tensor in op.outputs}
    return sum(tensor.dtype.size * (tensor.shape.num_elements() or 0) for tensor in tensors.values())


@dataclass(frozen=True)
class Inspection:
    """``flag`` is 0 for a routine look, else what went bad; ``row`` is that step's, shape (columns,)."""

    step: int
    flag: int
    row: Array
    batch: HostBatch  # (role, key)
    tensors: list[SeenArray]  # outputs, then activations
    samples: dict[str, Array]  # variable path -> the same few elements each time
    replica: int | None = None  # under tf.distribute
    ran: RanStep | EagerStep | None = None  # of a bad step whose ops can be looked at


def affordable_activations(activations: dict[str, Tensor]) -> list[WatchedTensor]:
    """The activations that are small enough to be shown; where not all are, those near the output."""
    room = MOST_TOGETHER
    chosen: list[WatchedTensor] = []
    for path, tensor in reversed(activations.items()):
        size = tensor.shape[1:].num_elements()  # None unless all of it is known
        if size is not None and size <= MOST_PER_ROW and size <= room:
            room -= size
            chosen.append(WatchedTensor("activation", path, tensor))
    return chosen[::-1]


def weight_samples(variables: Iterable[Variable]) -> list[tuple[str, Tensor]]:
    """(path, float32 vector of at most `SAMPLE` elements) of every variable."""
    found = []
    for variable in variables:
        value = tf.convert_to_tensor(variable)
        if not value.dtype.is_floating:
            continue
        stride = max(1, math.prod(value.shape.as_list()) // SAMPLE)
        sample = tf.reshape(value, [-1])[::stride][:SAMPLE]
        found.append((seam().path_of(variable), tf.cast(sample, tf.float32)))
    return found


def first_rows(array: Array) -> Array:
    """``array``, shape (rows, ...), or as many of its first rows as a look counts."""
    if array.size <= MOST_ARRAY or not array.ndim or not len(array):
        return array
    return array[: max(1, MOST_ARRAY // (array.size // len(array)))]


def array_health(array: Array) -> list[float]:
    """`STATS` of ``array``, floats of any shape; min, max and mean over its finite elements."""
    values = array.astype(np.float32) if array.dtype.itemsize < 4 else array
    ok = np.isfinite(values)
    known = values[ok] if not ok.all() else values
    if not known.size:
        known = np.zeros(1, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        norm = math.sqrt(float(np.square(values, dtype=np.float64).sum()))
    return [
        float(values.size),
        float(np.isnan(values).sum()),
        float(np.isposinf(values).sum()),
        float(np.isneginf(values).sum()),
        float((values == 0).sum()),
        float(known.min()),
        float(known.max()),
        float(known.mean(dtype=np.float64)),
        norm,
    ]


def activation_health(array: Array) -> list[float]:
    """`ACTIVATION_STATS` of a layer's output, shape (rows, ...); the spread of rows of vectors alone."""
    if array.ndim != 2 or not array.size:
        return [*array_health(array), math.nan]
    with np.errstate(invalid="ignore", over="ignore"):
        spread = float(array.std(axis=0, dtype=np.float64).mean())
    return [*array_health(array), spread]


def output_health(array: Array) -> list[float]:
    """`OUTPUT_STATS` of predictions, shape (rows, ...)."""
    values = np.asarray(array, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        row_std = float(values.std(axis=0).mean()) if values.ndim and values.size else 0.0
        sums = values.sum(axis=-1) if values.ndim > 1 else values
    return [*array_health(array), row_std, float((sums == 0).sum())]


def num_classes(labels: Array) -> int:
    """Distinct labels in a batch, shape (rows, ...); of several columns, distinct places of the largest."""
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(axis=-1)
    return int(np.unique(labels).size)


def next_step(step: int, cost: float, step_seconds: float) -> int:
    """When to look again, so that looks take at most `SHARE` of the time.

    ``cost`` and ``step_seconds`` are seconds: of this look, and of a step of the training.
    """
    if step + 1 < FIRST_LOOKS:
        return step + 1
    if not math.isfinite(step_seconds):
        return step + 1
    affordable_gap = math.ceil(TRANSFER * cost / (SHARE * max(step_seconds, 1e-6)))
    return step + min(max(4, affordable_gap), max(4, step // WIDENING))
