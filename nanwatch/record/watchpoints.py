"""Where a tensor is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "input", "label", "sample_weight", "output", "activation", "loss", "gradient", "weight", "update"
]


@dataclass(frozen=True)
class Watchpoint:
    """Where a tensor is seen: its role, and Keras's own path of the layer or variable."""

    role: Role
    path: str = ""
