"""Which non-finite numbers an array holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def commonest_nonfinite(values: npt.NDArray[Any]) -> str:
    """The commonest non-finite value: "nan", "inf" or "-inf"."""
    counts = {
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isposinf(values).sum()),
        "-inf": int(np.isneginf(values).sum()),
    }
    return max(counts, key=lambda name: counts[name])
