"""The ways of training that are compared with a bare ``fit``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BARE = "bare"
SWITCHES = ("check_numerics", "CURT_HEALTH")  # of tf.debugging
VARIANTS = (BARE, "nanwatch", "TerminateOnNaN", *SWITCHES)


@contextlib.contextmanager
def callbacks_of(variant: str, folder: Path) -> Iterator[list[Any]]:
    """The callbacks of ``variant``; TensorFlow's own switches, which hold for this thread, are on.

    Both switches of ``tf.debugging`` keep their state in the thread that calls them, so a fit in
    another thread of the same process goes on without them.
    """
    import keras
    import tensorflow as tf

    if variant == "nanwatch":
        import nanwatch

        yield [nanwatch.Watch(log_dir=folder)]
    elif variant == "TerminateOnNaN":
        yield [keras.callbacks.TerminateOnNaN()]
    elif variant == "check_numerics":
        tf.debugging.enable_check_numerics()
        try:
            yield []
        finally:
            tf.debugging.disable_check_numerics()
    elif variant == "CURT_HEALTH":
        tf.debugging.experimental.enable_dump_debug_info(str(folder), tensor_debug_mode="CURT_HEALTH")
        try:
            yield []
        finally:
            tf.debugging.experimental.disable_dump_debug_info()
    else:
        yield []
