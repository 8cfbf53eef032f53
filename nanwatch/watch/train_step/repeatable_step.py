"""A step that can be run once more: the autopsy does, and the search for the guilty rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nanwatch.watch.keras_seam.keras_types import Optimizer, Structure


@dataclass(frozen=True)
class RepeatableStep:
    """The step as the script made it, and the data that it was given."""

    step: Callable[[Structure], object]  # ``train_step``, or what a loop did under its tape
    data: Structure  # the batch, in the structure that ``step`` takes
    optimizers: Sequence[Optimizer] = ()  # that it applies, beside those that the model holds
    jit: bool = False  # it was compiled with XLA
    several: bool = False  # it may make more than one update
