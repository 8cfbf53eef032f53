"""The numbers of a variable or a tensor on the host, whatever Keras computes with."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanwatch.watch.keras_seam.chosen import is_on_tensorflow, keras
from nanwatch.watch.keras_seam.keras_types import Array
from nanwatch.watch.keras_seam.public_tensorflow import tf


def values_of(thing: Any) -> Array:
    """The values; half precision, of which NumPy knows one kind only, as float32.

    Raises whatever the backend does where there are none: in a trace, or in a variable that is not made.
    """
    if is_on_tensorflow():
        tensor = tf.convert_to_tensor(thing)
        values: Array = tensor.numpy() if tensor.dtype.size > 2 else tf.cast(tensor, tf.float32).numpy()
        return values
    values = np.asarray(keras.ops.convert_to_numpy(thing))
    return values.astype(np.float32) if values.dtype.name in ("float16", "bfloat16") else values


def is_floating(variable: Any) -> bool:
    """Whether a variable holds floats."""
    if is_on_tensorflow():
        return bool(tf.as_dtype(variable.dtype).is_floating)
    return bool(keras.backend.is_float_dtype(variable.dtype))


def dtype_name(variable: Any) -> str:
    """The dtype of a variable: "float32"."""
    return str(getattr(variable.dtype, "name", variable.dtype))
