"""Models that end in every way, and what is to be found of their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops


def chain(*ends: Any, loss: Any = "mse", units: int = 3, **head: Any) -> Any:
    """A hidden layer, a head of ``units``, and ``ends`` behind it."""
    inputs = keras.Input((4,))
    x = layers.Dense(units, name="head", **head)(layers.Dense(5, "tanh", name="hidden")(inputs))
    for end in ends:
        x = end(x)
    return compiled(keras.Model(inputs, x), loss)


def compiled(model: Any, loss: Any = "mse") -> Any:
    model.compile("sgd", loss)
    return model


class Called(keras.Model):
    """A head whose activation is applied in ``call``."""

    def __init__(self, activate: Callable[[Any], Any], **head: Any) -> None:
        super().__init__(name="called")
        self.head = layers.Dense(3, name="head", **head)
        self.activate = activate
        self.compile("sgd", "mse")

    def call(self, x: Any) -> Any:
        return self.activate(self.head(x))


class OwnDense(layers.Layer):
    """Weights and activation of the script's own."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, x: Any) -> Any:
        return ops.softmax(ops.matmul(x, self.kernel))


def doubled(x: Any) -> Any:
    return 2 * x


def nested() -> Any:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax", name="head")], name="inner")
    inputs = keras.Input((4,))
    return compiled(keras.Model(inputs, inner(inputs)), "categorical_crossentropy")


def sequence(*ends: Any) -> Any:
    inputs = keras.Input((4,))
    x = layers.RepeatVector(2)(inputs)
    for end in ends:
        x = end(x)
    return compiled(keras.Model(inputs, x))


def mixed() -> Any:
    """As Keras's guide says: a float32 softmax behind a half precision head."""
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="head", dtype="mixed_float16")(inputs)
    return compiled(keras.Model(inputs, layers.Activation("softmax", dtype="float32")(x)))


# name -> (model, layer with the weights, activation, units)
ENDS: dict[str, tuple[Callable[[], Any], str, str, int | None]] = {
    "none": (lambda: chain(), "head", "linear", 3),
    "softmax": (lambda: chain(activation="softmax"), "head", "softmax", 3),
    "relu": (lambda: chain(activation="relu"), "head", "relu", 3),
    "a function": (lambda: chain(activation=keras.activations.sigmoid), "head", "sigmoid", 3),
    "an object": (lambda: chain(activation=layers.LeakyReLU()), "head", "leaky_relu", 3),
    "Activation": (lambda: chain(layers.Activation("softmax")), "head", "softmax", 3),
    "Softmax": (lambda: chain(layers.Softmax()), "head", "softmax", 3),
    "ReLU": (lambda: chain(layers.ReLU()), "head", "relu", 3),
    "relu, then Softmax": (lambda: chain(layers.Softmax(), activation="relu"), "head", "softmax", 3),
    "Lambda": (lambda: chain(layers.Lambda(keras.activations.sigmoid)), "head", "sigmoid", 3),
    "ops": (lambda: chain(ops.sigmoid), "head", "sigmoid", 3),
    "Reshape": (lambda: chain(layers.Reshape((3, 1)), activation="relu"), "head", "relu", 1),
    "Flatten": (lambda: chain(layers.Flatten(), activation="sigmoid"), "head", "sigmoid", 3),
    "Dropout": (lambda: chain(layers.Dropout(0.1), activation="sigmoid"), "head", "sigmoid", 3),
    "Softmax, Reshape": (lambda: chain(layers.Softmax(), layers.Reshape((1, 3))), "head", "softmax", 3),
    "one unit": (lambda: chain(activation="softmax", units=1), "head", "softmax", 1),
    "one unit, squeezed": (
        lambda: chain(layers.Reshape(()), activation="sigmoid", units=1),
        "head",
        "sigmoid",
        None,
    ),
    "nested": (nested, "inner/head", "softmax", 3),
    "mixed precision": (mixed, "head", "softmax", 3),
    "subclassed": (lambda: Called(lambda x: x, activation="softmax"), "called/head", "softmax", 3),
    "subclassed, ops": (lambda: Called(ops.sigmoid), "called/head", "sigmoid", 3),
    "subclassed, Keras's function": (lambda: Called(keras.activations.relu), "called/head", "relu", 3),
    "own layer": (lambda: chain(OwnDense(name="own"), activation="relu"), "own", "softmax", 3),
    "own activation": (lambda: chain(activation=doubled), "head", "doubled", 3),
    "LSTM": (lambda: sequence(layers.LSTM(3, name="head")), "head", "tanh", 3),
    "convolution": (
        lambda: sequence(layers.Conv1D(3, 1, activation="softmax", name="head")),
        "head",
        "softmax",
        3,
    ),
    "in time": (
        lambda: sequence(layers.TimeDistributed(layers.Dense(3, "softmax", name="head"), name="time")),
        "time/head",
        "softmax",
        3,
    ),
}

# Where the range of the output is not that of the activation found on the way.
NOT_THAT: dict[str, tuple[Callable[[], Any], str]] = {
    "scaled": (lambda: chain(layers.Rescaling(10.0, -5.0), activation="sigmoid"), "sigmoid"),
    "normalised": (lambda: chain(layers.BatchNormalization(), activation="relu"), "relu"),
    "doubled": (lambda: chain(layers.Lambda(doubled), activation="softmax"), "softmax"),
}


def several() -> Any:
    inputs = keras.Input((4,))
    ends = {"p": layers.Dense(2, "softmax", name="p")(inputs), "q": layers.Dense(1, name="q")(inputs)}
    return compiled(keras.Model(inputs, ends), {"q": "mse", "p": "categorical_crossentropy"})
