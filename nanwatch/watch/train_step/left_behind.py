"""What can be told of the steps of a training whose model the script has dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.inspection import Inspection
from nanwatch.watch.train_step.row_layout import Layout
from nanwatch.watch.train_step.state_check import StateCheck

Rows = npt.NDArray[np.float64]  # shape (steps, columns of the layout)


@dataclass(frozen=True)
class LeftBehind:
    """Of the watch of a step, what holds neither the model nor its optimizer."""

    layout: Layout
    state: StateCheck
    rows_since: Callable[[int], tuple[int, Rows]]  # of a step; the number of the first row comes with them
    last_step: Callable[[], Inspection]
    finite_before: Callable[[int], int]  # the last step before one after which the weights were finite


def rows_in(ring: tf.Variable, counter: tf.Variable, ring_rows: int, first: int) -> tuple[int, Rows]:
    """(number of the first row, rows), float64: those from step ``first`` on that ``ring`` still has."""
    total = int(counter.numpy())
    first = max(first, total - ring_rows)
    if first == total:
        return total, np.zeros((0, ring.shape[1]))
    held = ring.numpy()
    return first, held[np.arange(first, total) % ring_rows].astype(np.float64)
