"""Which non-finite numbers an array holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nanwatch.record.facts import Nonfinite


def commonest_nonfinite(values: npt.NDArray[Any]) -> Nonfinite:
    """The commonest non-finite value."""
    counts: dict[Nonfinite, int] = {
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isposinf(values).sum()),
        "-inf": int(np.isneginf(values).sum()),
    }
    return max(counts, key=lambda name: counts[name])
