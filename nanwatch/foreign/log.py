"""A training as a log tells of it: epochs and their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["console", "csv", "event-file", "history"]
RemarkKind = Literal[
    "terminated-on-nan",  # keras.callbacks.TerminateOnNaN; number: the batch
    "softmax-over-one",  # Keras's own warning
    "categorical-over-one",  # likewise
    "label-out-of-range",  # an exception; number: the label
    "index-out-of-range",  # an exception of an embedding; number: the index
    "invalid-value",  # a RuntimeWarning of NumPy's: a division by zero, a log of a negative
]
LOSS = "loss"


@dataclass(frozen=True)
class Remark:
    """Something that Keras, NumPy or TensorFlow said in words between the numbers."""

    kind: RemarkKind
    number: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far an epoch was: ``step`` of ``total`` (steps, or samples where Keras counted those)."""

    step: int
    total: int | None


@dataclass(frozen=True)
class Epoch:
    """One epoch. ``values`` are those at its end, or the last that were seen of it."""

    number: int  # from 1
    values: Mapping[str, float]
    progress: Progress | None = None
    last_finite: Progress | None = None  # the last sight of a finite loss, where it went bad behind that
    first_bad: Progress | None = None  # the first sight of a loss that is not finite

    @property
    def loss(self) -> float | None:
        return self.values.get(LOSS)

    def is_bad(self, name: str = LOSS) -> bool:
        value = self.values.get(name)
        return value is not None and not math.isfinite(value)


@dataclass(frozen=True)
class Training:
    """One call of ``fit``: its epochs in order, at least one."""

    epochs: tuple[Epoch, ...]
    planned: int | None = None  # epochs that it was to have
    remarks: tuple[Remark, ...] = field(default=())
    units: int | None = None  # of the last Dense in a summary of the model before it

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for epoch in self.epochs for name in epoch.values))

    def series(self, name: str) -> list[tuple[int, float]]:
        """(epoch, value) wherever ``name`` was logged."""
        return [(epoch.number, epoch.values[name]) for epoch in self.epochs if name in epoch.values]


@dataclass(frozen=True)
class Log:
    """What was read of a file."""

    kind: Kind
    trainings: tuple[Training, ...]
    left_out: int = 0  # epochs beyond those that are kept
