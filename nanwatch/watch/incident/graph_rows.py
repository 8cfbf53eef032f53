"""Data or weights, asked of the graph that ran: the batch row by row, and on the first weights."""

from __future__ import annotations

import contextlib
import time
from collections import Counter

import numpy as np

from nanwatch.record.notes import FirstWeightsNotHeld, RowsNotTried
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.incident.births import Search, can_count
from nanwatch.watch.incident.graph_autopsy import StepAutopsy, apart, outermost_run
from nanwatch.watch.incident.graph_run import GraphRun, MissingValue
from nanwatch.watch.incident.guilty_rows import SECONDS, GuiltyRows, bad_rows
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Model, Tensor, Weights
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.held_values import is_exchange, losses_and_gradients
from nanwatch.watch.train_step.inspection import RanStep


def find_guilty_rows(
    model: Model | None, ran: RanStep, batch: HostBatch, first_weights: Weights | None
) -> GuiltyRows:
    """Ask both questions of the step that ``ran``; all variables are left as they are.

    ``first_weights`` are the trainable ones, in the model's order.
    """
    found = GuiltyRows()
    deadline = time.perf_counter() + SECONDS
    with contextlib.suppress(tf.errors.OpError, MissingValue), apart(ran.trace.graph):
        run = outermost_run(ran)
        targets = [tensor for tensor in losses_and_gradients(ran.trace.seen) if can_count(tensor)]
        if got_bad(ran) or not goes_bad(ran, run, targets):
            return found
        rows = number_of_rows(ran, batch)

        def part_goes_bad(first: int, last: int) -> bool:
            return goes_bad(ran, run.with_values(rows_of(ran, run, rows, first, last)), targets)

        if rows > 1:
            found.bad_rows, found.rows_tried = bad_rows(rows, part_goes_bad, deadline)
            if found.rows_tried < rows:
                found.notes.append(RowsNotTried(found.rows_tried, rows, SECONDS))
        if model is None or first_weights is None:
            found.notes.append(FirstWeightsNotHeld())
            return found
        for variable, value in zip(model.trainable_variables, first_weights, strict=True):
            variable.assign(value)
        found.finite_on_first_weights = not goes_bad(ran, run, targets)
    return found


def got_bad(ran: RanStep) -> bool:
    """Whether a replica got from the others what is not finite: its own rows are not to blame for that."""
    return any(
        is_exchange(tensorflow_names.tensor_named(ran.trace.graph, name).op) and not np.isfinite(array).all()
        for name, array in ran.held.items()
        if array.dtype.kind == "f"
    )


def goes_bad(ran: RanStep, run: GraphRun, targets: list[Tensor]) -> bool:
    """Whether a loss or a gradient is not finite when the step begins from the values of ``run``."""
    step = StepAutopsy(None, ran.trace.seen, run, Search(0.0), None)
    return any(counts.bad for inner, those in step.runs_of(targets) for counts in inner.count(those).values())


def number_of_rows(ran: RanStep, batch: HostBatch) -> int:
    """Of the batch; where none was seen, of what most of the step's arguments have as many."""
    known = [array for array in batch.values() if array.ndim]
    sizes = Counter(len(array) for array in (known or ran.held.values()) if array.ndim)
    return sizes.most_common(1)[0][0] if sizes else 0


def rows_of(ran: RanStep, run: GraphRun, rows: int, first: int, last: int) -> dict[str, Tensor]:
    """What was held, with these rows alone: again and again, so that no shape changes."""
    chosen = np.resize(np.arange(first, last), rows)
    return {
        name: tf.convert_to_tensor(array[chosen], run.known[name].dtype)
        for name, array in ran.held.items()
        if array.ndim and len(array) == rows
    }
