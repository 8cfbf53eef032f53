"""What a script tells the benchmark that started it: one line of JSON, its last on stdout."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

CALLBACK = "NANWATCH_BENCHMARK_CALLBACK"  # the callback of Keras's that every fit gets


def callbacks() -> list[Any]:
    import keras

    name = os.environ.get(CALLBACK)
    return [getattr(keras.callbacks, name)()] if name else []


def resident() -> float:
    """Megabytes that this process holds just now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def tell(**figures: float | list[float]) -> None:
    """``ended`` is when the script had nothing left to do, in seconds since the epoch."""
    print(json.dumps({**figures, "ended": time.time()}), flush=True)
