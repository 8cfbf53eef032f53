"""Which Keras this process has, and the adapter for it."""

from __future__ import annotations

import functools

from nanwatch.watch.keras_seam.protocol import KerasSeam


@functools.cache
def seam() -> KerasSeam:
    """The adapter for the Keras of this process; imports it."""
    from nanwatch.watch.keras_seam.keras3 import Keras3

    return Keras3()
