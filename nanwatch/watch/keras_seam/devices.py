"""What Keras computes with, and on which devices."""

from __future__ import annotations

from nanwatch.watch.keras_seam.chosen import backend, is_on_tensorflow, keras
from nanwatch.watch.keras_seam.public_tensorflow import tf


def packages() -> tuple[str, ...]:
    """The packages whose versions tell how a training is computed, Keras and NumPy left out."""
    return ("jax", "jaxlib") if backend() == "jax" else (backend(),)


def devices() -> tuple[str, ...]:
    """Their names; none where Keras does not tell them."""
    if is_on_tensorflow():
        return tuple(device.name for device in tf.config.list_logical_devices())
    try:
        return tuple(map(str, keras.distribution.list_devices()))
    except Exception:  # a version that has no such function, or a backend that does not answer it
        return ()
