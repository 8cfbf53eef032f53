"""Models that end in every way, and what is to be found of their ends."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
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


class Backwards(keras.Model):
    """The last layer that is called was made first."""

    def __init__(self) -> None:
        super().__init__(name="backwards")
        self.last = layers.Dense(3, "softmax", name="last")
        self.first = layers.Dense(7, "relu", name="first")
        self.compile("sgd", "mse")

    def call(self, x: Any) -> Any:
        return self.last(self.first(x))


class Bare(keras.Model):
    """No layer at all: a weight of the model's own."""

    def __init__(self) -> None:
        super().__init__(name="bare")
        self.kernel = self.add_weight(shape=(4, 3))
        self.compile("sgd", "mse")

    def call(self, x: Any) -> Any:
        return tf.matmul(x, self.kernel)


class Hidden(layers.Layer):
    """Layers inside a layer, and what is done to them there."""

    def __init__(self) -> None:
        super().__init__(name="block")
        self.head = layers.Dense(3, name="head")
        self.drop = layers.Dropout(0.1)

    def call(self, x: Any) -> Any:
        return tf.nn.softmax(self.drop(self.head(x)))


class OwnDense(layers.Layer):
    """Weights and activation of the script's own."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, x: Any) -> Any:
        return ops.softmax(ops.matmul(x, self.kernel))


def doubled(x: Any) -> Any:
    return 2 * x


def softmax(x: Any) -> Any:
    """One of the script's own, by the name of Keras's."""
    return 3 * x


def two(join: Any, *heads: Any) -> Any:
    """Several heads on one input, joined."""
    inputs = keras.Input((4,))
    return compiled(keras.Model(inputs, join([head(inputs) for head in heads])))


def dense(units: int, activation: Any = None, name: str | None = None) -> Any:
    return layers.Dense(units, activation, name=name)


def image(*ends: Any) -> Any:
    inputs = keras.Input((4,))
    x = layers.Reshape((2, 2, 1))(inputs)
    for end in ends:
        x = end(x)
    return compiled(keras.Model(inputs, x))


def convolution(activation: Any = None) -> Any:
    return layers.Conv2D(3, 1, activation=activation, name="head")


def in_models() -> Any:
    """A functional model in a Sequential one."""
    inner = keras.Input((5,))
    outer = layers.Dense(3, "sigmoid", name="head")(inner)
    hidden, last = layers.Dense(5, "tanh"), keras.Model(inner, outer, name="inner")
    return compiled(keras.Sequential([keras.Input((4,)), hidden, last, layers.Flatten()]))


def activation_in_a_model() -> Any:
    """What is behind the head is a model of its own, and so is the head."""
    behind = keras.Sequential([keras.Input((3,)), layers.Softmax()], name="behind")
    head = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="head")], name="front")
    return compiled(keras.Sequential([keras.Input((4,)), head, behind]))


def model_in_time() -> Any:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax", name="head")], name="inner")
    return sequence(layers.TimeDistributed(inner, name="time"))


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
ENDS: dict[str, tuple[Callable[[], Any], str | None, str, int | None]] = {
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
    "own activation": (lambda: chain(activation=doubled), "head", "unknown", 3),
    "called as Keras's": (lambda: chain(activation=softmax), "head", "unknown", 3),
    "a lambda around Keras's": (
        lambda: chain(activation=lambda x: keras.activations.sigmoid(x)),
        "head",
        "sigmoid",
        3,
    ),
    "TensorFlow's": (lambda: chain(activation=tf.nn.softmax), "head", "softmax", 3),
    "Softmax object": (lambda: chain(activation=layers.Softmax()), "head", "softmax", 3),
    "partial": (
        lambda: chain(activation=functools.partial(keras.activations.softmax, axis=-1)),
        "head",
        "softmax",
        3,
    ),
    "ReLU with a slope": (lambda: chain(layers.ReLU(negative_slope=0.1)), "head", "leaky_relu", 3),
    "PReLU": (lambda: chain(layers.PReLU()), "head", "prelu", 3),
    "Activation linear": (lambda: chain(layers.Activation("linear"), activation="tanh"), "head", "tanh", 3),
    "Lambda, TensorFlow's": (lambda: chain(layers.Lambda(lambda x: tf.nn.softmax(x))), "head", "softmax", 3),
    "several ops": (
        lambda: chain(keras.activations.hard_sigmoid, lambda x: x[:, :2]),
        "head",
        "hard_sigmoid",
        2,
    ),
    "squeezed op": (
        lambda: chain(lambda x: ops.squeeze(x, -1), activation="sigmoid", units=1),
        "head",
        "sigmoid",
        None,
    ),
    "linear, scaled": (lambda: chain(layers.Rescaling(10.0), lambda x: x + 1.0), "head", "linear", 3),
    "BatchNormalization": (lambda: chain(layers.BatchNormalization()), "head", "linear", 3),
    "in models": (in_models, "head", "sigmoid", 3),
    "activation in a model": (activation_in_a_model, "front/head", "softmax", 3),
    "model in time": (model_in_time, "inner/head", "softmax", 3),
    "layers in a layer": (lambda: chain(Hidden()), "block/head", "softmax", 3),
    "backwards": (Backwards, "backwards/last", "softmax", 3),
    "bare": (Bare, None, "linear", 3),
    "1x1": (lambda: image(convolution("sigmoid")), "head", "sigmoid", 3),
    "1x1, averaged": (
        lambda: image(convolution("softmax"), layers.GlobalAveragePooling2D()),
        "head",
        "softmax",
        3,
    ),
    "averaged, then softmax": (
        lambda: image(convolution(), layers.GlobalAveragePooling2D(), layers.Softmax()),
        "head",
        "softmax",
        3,
    ),
    "largest": (lambda: image(convolution("relu"), layers.GlobalMaxPooling2D()), "head", "relu", 3),
    "Bidirectional": (
        lambda: sequence(layers.Bidirectional(layers.LSTM(3), name="head")),
        "head",
        "tanh",
        6,
    ),
    "a cell": (
        lambda: sequence(layers.RNN(layers.SimpleRNNCell(3, activation="relu"), name="head")),
        "head",
        "relu",
        3,
    ),
    "sequences": (
        lambda: sequence(layers.GRU(3, activation="linear", return_sequences=True, name="head")),
        "head",
        "linear",
        3,
    ),
    "side by side": (
        lambda: two(layers.Concatenate(), dense(1, "sigmoid"), dense(2, "sigmoid")),
        None,
        "sigmoid",
        3,
    ),
    "softmaxes side by side": (
        lambda: two(layers.Concatenate(), dense(2, "softmax"), dense(2, "softmax")),
        None,
        "unknown",
        4,
    ),
    "added": (
        lambda: two(layers.Add(), dense(3, name="head"), dense(3, "relu")),
        "head",
        "linear",
        3,
    ),
    "probabilities added": (
        lambda: two(layers.Add(), dense(3, "sigmoid"), dense(3, "sigmoid")),
        None,
        "unknown",
        3,
    ),
    "averaged softmaxes": (
        lambda: two(layers.Average(), dense(3, "softmax"), dense(3, "softmax")),
        None,
        "softmax",
        3,
    ),
    "gated": (lambda: two(layers.Multiply(), dense(3), dense(3, "sigmoid")), None, "unknown", 3),
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
    "the rest of 1": (lambda: chain(lambda x: 1.0 - x, activation="sigmoid"), "sigmoid"),
    "a part of a row": (lambda: chain(lambda x: x[:, 1:], activation="softmax"), "softmax"),
    "largest share": (lambda: image(convolution("softmax"), layers.GlobalMaxPooling2D()), "softmax"),
    "clipped logits": (lambda: chain(lambda x: ops.clip(x, 0.0, 1.0)), "linear"),
    "scaled": (lambda: chain(layers.Rescaling(10.0, -5.0), activation="sigmoid"), "sigmoid"),
    "normalised": (lambda: chain(layers.BatchNormalization(), activation="relu"), "relu"),
    "doubled": (lambda: chain(layers.Lambda(doubled), activation="softmax"), "softmax"),
}


def several() -> Any:
    inputs = keras.Input((4,))
    ends = {"p": layers.Dense(2, "softmax", name="p")(inputs), "q": layers.Dense(1, name="q")(inputs)}
    return compiled(keras.Model(inputs, ends), {"q": "mse", "p": "categorical_crossentropy"})
