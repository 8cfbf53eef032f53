"""Networks whose ops TensorFlow may compute together: each by its name, with the rows it is given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as K

ROWS, CLASSES = 64, 3
TABLE, IMAGE, SERIES, WORDS = (8,), (10, 10, 3), (10, 6), (10,)
Layers = list[Any]


def rows_of(shape: tuple[int, ...]) -> Any:
    random = np.random.RandomState(0)
    if shape == WORDS:
        return random.randint(1, 20, (ROWS, *shape))
    return random.randn(ROWS, *shape).astype("float32")


def chain(shape: tuple[int, ...], *between: Any) -> Any:
    """These layers, then a Dense for the classes."""
    return keras.Sequential([keras.Input(shape), *between, K.Dense(CLASSES)])


def activated(name: str) -> Any:
    return chain(TABLE, K.Dense(16), K.Activation(name))


def behind(shape: tuple[int, ...], body: Callable[[Any], Any]) -> Any:
    inputs = keras.Input(shape)
    return keras.Model(inputs, K.Dense(CLASSES)(body(inputs)))


def added(x: Any) -> Any:
    return K.Add()([x, K.Dense(8)(x)])


def added_four(x: Any) -> Any:
    first, second = K.Dense(8)(x), K.Dense(8)(x)
    return K.Add()([x, first, second, K.Dense(8)(first)])


def added_and_activated(x: Any) -> Any:
    return K.Activation("relu")(added(x))


def added_by_hand(x: Any) -> Any:
    return x + K.Dense(8)(x) * 0.5 + K.Dense(8)(x)


def subtracted(x: Any) -> Any:
    return K.Subtract()([K.Dense(8)(x), x])


def multiplied(x: Any) -> Any:
    return K.Multiply()([x, K.Dense(8)(x)])


def gated(x: Any) -> Any:
    return K.Multiply()([K.Dense(8)(x), K.Dense(8, activation="sigmoid")(x)])


def averaged(x: Any) -> Any:
    return K.Average()([K.Dense(8)(x), K.Dense(8)(x)])


def largest(x: Any) -> Any:
    return K.Maximum()([K.Dense(8)(x), K.Dense(8)(x)])


def joined(x: Any) -> Any:
    return K.Concatenate()([K.Dense(8)(x), K.Dense(4)(x)])


def dotted(x: Any) -> Any:
    return K.Dot(axes=1)([K.Dense(8)(x), K.Dense(8)(x)])


def residual(x: Any) -> Any:
    x = K.Conv2D(8, 3, padding="same")(x)
    inner = K.BatchNormalization()(K.Conv2D(8, 3, padding="same")(x))
    return K.GlobalAveragePooling2D()(K.ReLU()(K.Add()([x, inner])))


def residual_before(x: Any) -> Any:
    x = K.Conv2D(8, 3, padding="same")(x)
    inner = K.Conv2D(8, 3, padding="same")(K.ReLU()(K.BatchNormalization()(x)))
    return K.Flatten()(K.Add()([x, inner]))


def inverted(x: Any) -> Any:
    wide = K.ReLU(6.0)(K.BatchNormalization()(K.Conv2D(12, 1, use_bias=False)(x)))
    deep = K.ReLU(6.0)(K.BatchNormalization()(K.DepthwiseConv2D(3, padding="same", use_bias=False)(wide)))
    narrow = K.BatchNormalization()(K.Conv2D(3, 1, use_bias=False)(deep))
    return K.GlobalAveragePooling2D()(K.Add()([x, narrow]))


def squeezed(x: Any) -> Any:
    x = K.Conv2D(8, 3)(x)
    weight = K.Dense(8, activation="sigmoid")(K.Dense(4, activation="relu")(K.GlobalAveragePooling2D()(x)))
    return K.Flatten()(K.Multiply()([x, K.Reshape((1, 1, 8))(weight)]))


def two_branches(x: Any) -> Any:
    return K.Flatten()(K.Concatenate()([K.Conv2D(4, 1)(x), K.Conv2D(4, 3, padding="same")(x)]))


def attended(x: Any) -> Any:
    x = K.LayerNormalization()(K.Add()([x, K.MultiHeadAttention(2, 4)(x, x)]))
    inner = K.Dense(6)(K.Dense(12, activation="gelu")(x))
    return K.GlobalAveragePooling1D()(K.LayerNormalization()(K.Add()([x, inner])))


def encoded(x: Any) -> Any:
    inputs = K.Conv1D(6, 1)(x)
    return K.GlobalMaxPooling1D()(
        K.Add()([inputs, K.Conv1D(6, 3, padding="causal", activation="tanh")(inputs)])
    )


ARCHITECTURES: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    **{
        f"Dense, then {name}": (TABLE, functools.partial(activated, name))
        for name in ("relu", "tanh", "elu", "selu", "sigmoid", "softplus", "gelu", "silu", "relu6")
    },
    "linear": (TABLE, lambda: chain(TABLE)),
    "Dense with its activation": (TABLE, lambda: chain(TABLE, K.Dense(16, "relu"), K.Dense(16, "tanh"))),
    "Dense, then LeakyReLU": (TABLE, lambda: chain(TABLE, K.Dense(16), K.LeakyReLU())),
    "Dense, then PReLU": (TABLE, lambda: chain(TABLE, K.Dense(16), K.PReLU())),
    "Dense, then Rescaling": (TABLE, lambda: chain(TABLE, K.Dense(16), K.Rescaling(0.5))),
    "Dense, then a Lambda": (
        TABLE,
        lambda: chain(TABLE, K.Dense(16), K.Lambda(lambda x: keras.ops.square(x) + 1.0)),
    ),
    "no bias": (TABLE, lambda: chain(TABLE, K.Dense(16, use_bias=False), K.Activation("tanh"))),
    "dropout": (TABLE, lambda: chain(TABLE, K.Dense(16, "relu"), K.Dropout(0.3))),
    "noise": (TABLE, lambda: chain(TABLE, K.GaussianNoise(0.1), K.Dense(16), K.Activation("tanh"))),
    "batch normalization": (
        TABLE,
        lambda: chain(TABLE, K.Dense(16), K.BatchNormalization(), K.Activation("relu")),
    ),
    "layer normalization": (
        TABLE,
        lambda: chain(TABLE, K.Dense(16), K.LayerNormalization(), K.Activation("gelu")),
    ),
    "group normalization": (TABLE, lambda: chain(TABLE, K.Dense(16), K.GroupNormalization(4))),
    "penalties": (TABLE, lambda: chain(TABLE, K.Dense(16, "relu", kernel_regularizer="l2"))),
    **{
        body.__name__.replace("_", " "): (shape, functools.partial(behind, shape, body))
        for shape, body in (
            *((TABLE, body) for body in (added, added_four, added_and_activated, added_by_hand, subtracted)),
            *((TABLE, body) for body in (multiplied, gated, averaged, largest, joined, dotted)),
            *((IMAGE, body) for body in (residual, residual_before, inverted, squeezed, two_branches)),
            *((SERIES, body) for body in (attended, encoded)),
        )
    },
    "convolutions": (
        IMAGE,
        lambda: chain(IMAGE, K.Conv2D(8, 3), K.Activation("relu"), K.MaxPooling2D(), K.Flatten()),
    ),
    "convolution and batch normalization": (
        IMAGE,
        lambda: chain(IMAGE, K.Conv2D(8, 3, use_bias=False), K.BatchNormalization(), K.ReLU(), K.Flatten()),
    ),
    "separable convolution": (
        IMAGE,
        lambda: chain(IMAGE, K.SeparableConv2D(8, 3), K.Activation("elu"), K.GlobalMaxPooling2D()),
    ),
    "transposed convolution": (
        IMAGE,
        lambda: chain(IMAGE, K.Conv2DTranspose(4, 3), K.Activation("tanh"), K.GlobalAveragePooling2D()),
    ),
    "padding": (IMAGE, lambda: chain(IMAGE, K.ZeroPadding2D(), K.Conv2D(8, 3, strides=2), K.Flatten())),
    "LSTM": (SERIES, lambda: chain(SERIES, K.LSTM(6))),
    "GRU and SimpleRNN": (SERIES, lambda: chain(SERIES, K.GRU(6, return_sequences=True), K.SimpleRNN(4))),
    "words": (WORDS, lambda: chain(WORDS, K.Embedding(20, 4), K.GlobalAveragePooling1D())),
    "one convolution in time": (
        SERIES,
        lambda: chain(SERIES, K.Conv1D(8, 3), K.Activation("relu"), K.Flatten()),
    ),
    "a Dense in time": (SERIES, lambda: chain(SERIES, K.TimeDistributed(K.Dense(4)), K.Flatten())),
}
