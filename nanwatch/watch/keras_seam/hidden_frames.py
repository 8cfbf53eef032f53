"""Frames that are left out of the tracebacks that Keras and TensorFlow write by themselves."""

from __future__ import annotations

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.seams import Taker, take


def hide_frames(patches: Patches, folder: str, filenames: frozenset[str]) -> None:
    """Leave out nanwatch's own ``folder``, and ``filenames``, the files of the frames below the script."""

    def exclude(paths: tuple[str, ...]) -> tuple[str, ...]:
        return (*paths, folder)

    changes = {
        "keras tracebacks._EXCLUDED_PATHS": exclude,
        "tensorflow tracebacks._EXCLUDED_PATHS": exclude,
        "tensorflow tracebacks.filter": tensorflow_names.filter_frames(filenames),
    }
    take(patches, Taker.TRACEBACKS, changes)
