"""Which layers' outputs are small enough to be shown to the host."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nanwatch.watch.train_step import inspection


def affordable(activations: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``activations``, by path, that are; where not all are, those near the output."""
    room = inspection.MOST_TOGETHER
    chosen: dict[str, Any] = {}
    for path, tensor in reversed(list(activations.items())):
        size = math.prod(tensor.shape[1:])
        if size <= min(room, inspection.MOST_PER_ROW):
            room -= size
            chosen[path] = tensor
    return dict(reversed(list(chosen.items())))
