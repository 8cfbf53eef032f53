"""Which number stands where in the row that a step leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

from nanwatch.record.notes import NotMet
from nanwatch.record.watchpoints import Role, Watchpoint
from nanwatch.watch.data import batch as batches
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Model, Variable

Key = tuple[str, str, str]  # role, path, stat
ROWS: Key = ("rows", "", "value")
LEARNING_RATE: Key = ("learning_rate", "", "value")
LOSS: Key = ("loss", "", "value")
PENALTY: Key = ("penalty", "", "value")


@dataclass
class Layout:
    """The columns of a step's row, in order.

    What the batch itself tells stands first, ``of_batch`` cells of it; it is put into the row
    outside the user's step. What the step tells ends at ``of_step``; behind it stand the weights,
    which are not summed at every step. "l2_norm" cells hold half a sum of squares.
    """

    place: dict[Key, int] = field(default_factory=dict)
    of_batch: int = 0
    of_step: int = 0
    seen: set[Key] = field(default_factory=set)

    @property
    def width(self) -> int:
        return len(self.place)

    def columns(self) -> list[Key]:
        return list(self.place)

    def add(self, role: str, path: str, stat: str) -> None:
        self.place.setdefault((role, path, stat), self.width)

    def list_unseen(self) -> list[NotMet]:
        """What has a place in the row but was not met while the step was traced."""
        return [
            NotMet(Watchpoint(cast(Role, role), path))
            for role, path, stat in self.place
            if path and (role, path, stat) not in self.seen
        ]

    def loss_in(self, row: Array) -> float | None:
        """The loss of the step with this row, shape (columns,); None where it was out of reach."""
        return float(row[self.place[LOSS]]) if LOSS in self.place else None

    def count_watchpoints(self) -> int:
        """How many watchpoints were met."""
        return len({(role, path) for role, path, _ in self.seen if (role, path) != ("rows", "")})


def layout_of(
    model: Model | None,
    variables: Sequence[Variable],
    batch: batches.Batch,
    penalised: bool = False,
    without: Collection[str] = (),
    fused: Collection[str] = (),
) -> Layout:
    """The layout for one batch, the layers of ``model`` and the given trainable variables.

    ``penalised``: the loss is more than its data make. ``without``: roles that no sentinel reaches.
    ``fused``: paths of layers whose output may be nowhere in memory.
    """
    layout = Layout()
    if batches.has_rows(batch):
        layout.add(*ROWS)
    for role, key, tensor in batches.dense_tensors(batch):
        if role == "label" or tensor.dtype.is_integer:
            layout.add(role, key, "min")
            layout.add(role, key, "max")
        elif tensor.dtype.is_floating:
            layout.add(role, key, "l2_norm")
    layout.of_batch = layout.width
    layout.add(*LEARNING_RATE)
    if "loss" not in without:
        layout.add(*LOSS)
    if penalised:
        layout.add(*PENALTY)
    if model is not None:
        for path in [path for path, _ in seam().layers_of(model) if path not in fused]:
            layout.add("activation", path, "l2_norm")
    layout.add("output", "output", "l2_norm")
    for variable in variables if "gradient" not in without else ():
        layout.add("gradient", seam().path_of(variable), "l2_norm")
    layout.of_step = layout.width
    for variable in variables:
        layout.add("weight", seam().path_of(variable), "l2_norm")
    return layout
