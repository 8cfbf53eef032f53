"""Which non-finite numbers an array holds."""

from __future__ import annotations

import numpy as np

from nanwatch.record.facts import Nonfinite
from nanwatch.watch.keras_seam.keras_types import Array


def commonest_nonfinite(values: Array) -> Nonfinite:
    """The commonest non-finite value of an array of floats, of any shape."""
    counts: dict[Nonfinite, int] = {
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isposinf(values).sum()),
        "-inf": int(np.isneginf(values).sum()),
    }
    return max(counts, key=lambda name: counts[name])
