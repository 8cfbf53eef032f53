"""The calls of Keras's loss objects that a step of the script's own makes by itself."""

from __future__ import annotations

from typing import NamedTuple

from nanwatch.record.facts import Location
from nanwatch.watch.keras_seam.keras_types import Loss, Structure, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.launch import user_lines

MOST = 16  # of a step: a network is compared with few things


class LossUse(NamedTuple):
    """A loss that was called with one target and one prediction."""

    loss: Loss
    y_true: Tensor
    y_pred: Tensor
    location: Location | None  # of the call


def note_use(uses: list[LossUse], loss: Loss, y_true: Structure, y_pred: Structure) -> None:
    """Add a call to ``uses``, while there is room; of several outputs at once nothing is noted."""
    if len(uses) < MOST and isinstance(y_pred, tf.Tensor) and hasattr(y_true, "shape"):
        uses.append(LossUse(loss, y_true, y_pred, user_lines.line_here()))
