"""The name of an activation, however it was given: a string, a function, a layer, a partial."""

from __future__ import annotations

import functools
from typing import Any

from nanwatch.watch.keras_seam.chosen import keras

Axis = int | list[int] | tuple[int, ...]

# Keras's own functions; their names are what the rules know.
FUNCTIONS = frozenset(
    (
        *("celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu"),
        *("hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6"),
        *("selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus"),
        *("sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink", "threshold", "prelu"),
    )
)
# What TensorFlow and Keras's ops call the same functions.
OTHER_NAMES = {
    "softmax_v2": "softmax",
    "log_softmax_v2": "log_softmax",
    "exp": "exponential",
    "swish": "silu",
    "hard_swish": "hard_silu",
}
LAYERS = {"Softmax": "softmax", "LeakyReLU": "leaky_relu", "ELU": "elu", "PReLU": "prelu"}


def activation_of(layer: Any) -> str | None:
    """The name of the layer's activation function; the class's for activation layers."""
    kind = library_class(layer)
    if kind in LAYERS:
        return LAYERS[kind]
    if kind == "ReLU":
        return rectifier(layer.negative_slope, layer.max_value)
    if isinstance(layer, keras.layers.Wrapper):
        return activation_of(layer.layer)
    return function_name(getattr(layer, "activation", None))


def rectifier(negative_slope: float | None, max_value: float | None) -> str:
    """What a relu with these settings is called."""
    if negative_slope:
        return "leaky_relu"
    return "relu6" if max_value == 6 else "relu"


def function_name(function: object) -> str | None:
    """A library's function by its Keras name, the script's own by its name; "custom" without one.

    A function of the script's own that is called as one of Keras's is "custom": it may be another.
    """
    if function is None:
        return None
    if isinstance(function, keras.layers.Layer):
        return activation_of(function)
    if isinstance(function, functools.partial):
        return partial_name(function)
    name = getattr(function, "__name__", None)
    if name is None or name == "<lambda>":
        return "custom"
    if is_library(function):
        return OTHER_NAMES.get(str(name), str(name))
    return "custom" if name in FUNCTIONS else str(name)


def partial_name(function: functools.partial[object]) -> str:
    """A function with some arguments given: the same function only where they change no range."""
    name = function_name(function.func)
    given = dict(function.keywords)
    if name == "relu" and not function.args and set(given) <= {"negative_slope", "max_value"}:
        return rectifier(given.get("negative_slope"), given.get("max_value"))
    harmless = not function.args and set(given) <= {"axis", "name", "alpha", "approximate"}
    return name if name is not None and harmless else "custom"


def softmax_axis(function: object) -> Axis:
    """The axis that a softmax, given as a function, a partial or a layer, normalises over."""
    if isinstance(function, functools.partial):
        axis: Axis = function.keywords.get("axis", -1)
    else:
        axis = getattr(function, "axis", -1)
    return axis


def is_library(thing: object) -> bool:
    """Whether a function or class is Keras's or TensorFlow's, so that its name tells what it does."""
    return str(getattr(thing, "__module__", "")).split(".")[0] in ("keras", "tf_keras", "tensorflow")


def library_class(layer: object) -> str:
    """The name of the Keras class whose ``call`` this layer runs; "" for a ``call`` of another's."""
    for cls in type(layer).__mro__:
        if is_library(cls):
            return cls.__name__ if getattr(type(layer), "call", None) is getattr(cls, "call", None) else ""
    return ""
