"""Which Keras this process has, and the adapter for it."""

from __future__ import annotations

import functools

from nanwatch.watch.keras_seam.chosen import Kind, chosen
from nanwatch.watch.keras_seam.protocol import KerasSeam


def seam() -> KerasSeam:
    """The adapter for the Keras of this process; imports it."""
    return adapter_of(chosen())


@functools.cache
def adapter_of(kind: Kind) -> KerasSeam:
    if kind == 2:
        from nanwatch.watch.keras_seam.keras2 import Keras2

        return Keras2()
    from nanwatch.watch.keras_seam.keras3 import Keras3

    return Keras3()
