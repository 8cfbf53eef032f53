"""The file of a snapshot, without TensorFlow: its name, its format, how it is read."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nanwatch.watch.keras_seam.keras_types import Array

SNAPSHOT_FILE = "snapshot.npz"
FORMAT = 1  # of files of an older nanwatch too: they hold less, what a loop was given above all
SAME = "same/"  # before a name: what stands there is the name of an array that is the same


TRACE = "trace"  # the number of the trace of a compiled step
TYPES = "eager/types"  # of the ops of an eager step
NEEDED = ("batch", "held", "captured", "weights", "state")  # parts without which no step is made again


def holds_step(arrays: Mapping[str, Array]) -> bool:
    """Whether the ops that went bad can be run from what is held here; else a step of ``fit`` is repeated
    in Python."""
    return TRACE in arrays or TYPES in arrays


def load(path: Path) -> dict[str, Array]:
    """The arrays of a snapshot by name.

    Raises:
        ValueError: it is cut short or not a snapshot of nanwatch's.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        for name in [name for name in arrays if name.startswith(SAME)]:
            arrays[name.removeprefix(SAME)] = arrays[arrays.pop(name).item().decode()]
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a whole snapshot: {error}") from error
    if "format" not in arrays or int(arrays["format"]) > FORMAT:
        raise ValueError(f"{path} is not a snapshot that this nanwatch reads")
    return arrays
