"""Data or weights: the bad batch row by row, and on the weights of the first step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from nanwatch.record.notes import FirstWeightsNotHeld, IncidentNote, RowsNotTried
from nanwatch.watch.incident.autopsy import RepeatedStep, is_bad, keep_what_is_trained, restore_after
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model, Structure, Weights
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.repeatable_step import RepeatableStep
from nanwatch.watch.train_step.traced_step import suspend_watching

SECONDS = 6.0  # for both questions together
FIRST_WEIGHTS_BYTES = 32 * 2**20  # of the model's first weights that are held for the answer


@dataclass
class GuiltyRows:
    """What the two replays said."""

    bad_rows: tuple[int, ...] = ()
    rows_tried: int = 0
    finite_on_first_weights: bool | None = None
    notes: list[IncidentNote] = field(default_factory=list)


def find_guilty_rows(model: Model, again: RepeatableStep, first_weights: Weights | None) -> GuiltyRows:
    """Ask both questions of the frozen ``model``; it is left as it was.

    ``first_weights`` are the trainable ones, in the model's order.
    """
    found, data = GuiltyRows(), again.data
    deadline = time.perf_counter() + SECONDS

    def goes_bad(part: Structure) -> bool:
        return repeat_is_bad(model, again, part)

    rows = number_of_rows(data)
    with contextlib.suppress(tf.errors.OpError, ValueError):
        if rows > 1 and goes_bad(data):
            found.bad_rows, found.rows_tried = bad_rows(
                rows, lambda first, last: goes_bad(take_rows(data, first, last)), deadline
            )
            if found.rows_tried < rows:
                found.notes.append(RowsNotTried(found.rows_tried, rows, SECONDS))
    if first_weights is None:
        found.notes.append(FirstWeightsNotHeld())
        return found
    with contextlib.suppress(tf.errors.OpError, ValueError), restore_after(model):
        for variable, value in zip(model.trainable_variables, first_weights, strict=True):
            variable.assign(value)
        found.finite_on_first_weights = not goes_bad(data)
    return found


def repeat_is_bad(model: Model, again: RepeatableStep, data: Structure) -> bool:
    """Whether the step gives a non-finite loss or gradient on ``data``; what it changes is put back."""
    seen = RepeatedStep(again.several)
    with (
        keep_what_is_trained(model, seen),
        suspend_watching(),
        restore_after(model, again.optimizers),
        tensorflow_names.run_functions_eagerly(),
    ):
        again.step(data)
    return any(map(is_bad, [*seen.loss, *(grad for grad, _ in seen.gradients if grad is not None)]))


def bad_rows(rows: int, goes_bad: Callable[[int, int], bool], deadline: float) -> tuple[tuple[int, ...], int]:
    """(rows that go bad alone, rows settled): halves are tried before single rows.

    ``goes_bad`` is asked of the rows from one to before another, until ``deadline`` of `time.perf_counter`.
    """
    bad: list[int] = []
    settled = 0
    waiting = [(0, rows)]
    while waiting and time.perf_counter() < deadline:
        first, last = waiting.pop()
        if not goes_bad(first, last):
            settled += last - first
        elif last - first == 1:
            bad.append(first)
            settled += 1
        else:
            middle = (first + last) // 2
            waiting += [(middle, last), (first, middle)]
    return tuple(sorted(bad)), settled


def number_of_rows(data: Structure) -> int:
    leaves = [leaf for leaf in seam().flatten(data) if leaf is not None and leaf.shape.rank]
    sizes = {int(leaf.shape[0]) for leaf in leaves}
    return sizes.pop() if len(sizes) == 1 else 0


def take_rows(data: Structure, first: int, last: int) -> Structure:
    return seam().map_structure(lambda leaf: None if leaf is None else leaf[first:last], data)


def first_weights_of(model: Model) -> Weights | None:
    """A copy of the trainable weights; None when they are not built yet, or too large to hold."""
    if not model.built or size_of_weights(model) > FIRST_WEIGHTS_BYTES:
        return None
    return [np.array(variable.numpy()) for variable in model.trainable_variables]


def size_of_weights(model: Model) -> int:
    """Bytes of the trainable ones, as float32."""
    return sum(int(np.prod(variable.shape)) * 4 for variable in model.trainable_variables)
