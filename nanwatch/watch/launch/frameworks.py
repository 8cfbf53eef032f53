"""Whether there is anything here that trains."""

from __future__ import annotations

import importlib.util

from nanwatch.errors import TensorFlowMissing

FRAMEWORKS = ("tensorflow", "keras", "tf_keras")


def need_framework() -> None:
    """Nothing where one of them can be imported, whatever its package is called.

    Raises:
        TensorFlowMissing: none can.
    """
    if not any(map(importlib.util.find_spec, FRAMEWORKS)):
        raise TensorFlowMissing
