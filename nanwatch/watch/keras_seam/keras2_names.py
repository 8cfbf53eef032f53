"""Keras 2 by the public names of Keras 3, as far as nanwatch uses them."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import tf_keras

from nanwatch.watch.keras_seam.public_tensorflow import tf


class NoVariable:
    """In the place of Keras 3's own variables: those of Keras 2 are TensorFlow's."""


def find(name: str) -> Any:
    """The public name of Keras 3's that is written ``keras.NAME``.

    Raises:
        AttributeError: neither Keras 2 nor this module has it.
    """
    return NAMES[name] if name in NAMES else getattr(tf_keras, name)


def with_more(module: Any, **names: Any) -> Any:
    """``module``, and the ``names`` that it lacks."""

    class More:
        def __getattr__(self, name: str) -> Any:
            return names[name] if name in names else getattr(module, name)

    return More()


def backend() -> str:
    return "tensorflow"


NAMES: Mapping[str, Any] = {
    "Layer": tf_keras.layers.Layer,
    "Operation": tf_keras.layers.Layer,
    "Variable": NoVariable,
    "backend": with_more(tf_keras.backend, backend=backend),
    "config": SimpleNamespace(floatx=tf_keras.backend.floatx),
    "dtype_policies": SimpleNamespace(get=tf_keras.mixed_precision.Policy),
    "ops": SimpleNamespace(expand_dims=tf.expand_dims, mean=tf.reduce_mean),
    "optimizers": with_more(
        tf_keras.optimizers, LossScaleOptimizer=tf_keras.mixed_precision.LossScaleOptimizer
    ),
}
