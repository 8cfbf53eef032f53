"""The file of a snapshot, without TensorFlow: its name, its format, how it is read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from nanwatch.watch.keras_seam.keras_types import Array

SNAPSHOT_FILE = "snapshot.npz"
FORMAT = 1


def load(path: Path) -> dict[str, Array]:
    """The arrays of a snapshot by name.

    Raises:
        ValueError: it is cut short or not a snapshot of nanwatch's.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a whole snapshot: {error}") from error
    if "format" not in arrays or int(arrays["format"]) > FORMAT:
        raise ValueError(f"{path} is not a snapshot that this nanwatch reads")
    return arrays
