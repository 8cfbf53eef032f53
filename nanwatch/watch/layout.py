"""Which number stands where in the row that a step leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nanwatch.record.facts import Role, Watchpoint
from nanwatch.watch import keras_names

FIXED = ("rows", "learning_rate", "loss")


@dataclass
class Layout:
    """The columns of a step's row, in order: `FIXED`, then one for each watchpoint.

    ``stats`` tells how a cell is to be read: "l2_norm" cells hold half a sum of squares.
    """

    points: list[tuple[Watchpoint, str]] = field(default_factory=list)
    place: dict[tuple[str, str, str], int] = field(default_factory=dict)
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def width(self) -> int:
        return len(FIXED) + len(self.points)

    def add(self, role: Role, path: str, stat: str) -> None:
        key = (role, path, stat)
        if key not in self.place:
            self.place[key] = self.width
            self.points.append((Watchpoint(role, path), stat))

    def unseen(self) -> list[str]:
        """What has a place in the row but was not met while the step was traced."""
        return [
            f"{point.role} {point.path}"
            for point, stat in self.points
            if (point.role, point.path, stat) not in self.seen
        ]


def layout_of(model: Any, variables: Sequence[Any], data: dict[str, list[tuple[str, Any]]]) -> Layout:
    """The layout for ``model``: its layers, the given trainable variables, the batch's tensors.

    ``data`` maps "input", "label", "sample_weight" to (key, tensor) pairs of one batch.
    """
    layout = Layout()
    for role, pairs in data.items():
        for key, tensor in pairs:
            if role == "label" or tensor.dtype.is_integer:
                layout.add(role, key, "min")  # type: ignore[arg-type]
                layout.add(role, key, "max")  # type: ignore[arg-type]
            elif tensor.dtype.is_floating:
                layout.add(role, key, "l2_norm")  # type: ignore[arg-type]
    if model is not None:
        for path, _ in keras_names.layers_of(model):
            layout.add("activation", path, "l2_norm")
    layout.add("output", "output", "l2_norm")
    for variable in variables:
        layout.add("gradient", keras_names.path_of(variable), "l2_norm")
    for variable in variables:
        layout.add("weight", keras_names.path_of(variable), "l2_norm")
    return layout
