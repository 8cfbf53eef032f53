"""The models that are timed: a name, how to build one, a few batches of made-up rows, steps a segment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BATCHES = 4  # different batches, repeated: the pipeline costs next to nothing


@dataclass(frozen=True)
class Case:
    """``steps`` make a segment of about half a second on two cores, or two steps at least."""

    build: Callable[[], Any]
    input_shape: tuple[int, ...]
    classes: int
    batch: int
    steps: int


def mlp() -> Any:
    """About 3 ms a step on two cores."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((256,)),
            layers.Dense(512, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn() -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def lstm() -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((40, 16)),
            layers.LSTM(64),
            layers.Dense(32, activation="relu"),
            layers.Dense(2, "softmax"),
        ]
    )


def resnet50() -> Any:
    import keras

    return keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=10)


def transformer() -> Any:
    """One block of a transformer over 32 tokens, and a head."""
    import keras
    from keras import layers

    tokens = keras.Input((32, 64))
    attended = layers.MultiHeadAttention(4, 16)(tokens, tokens)
    x = layers.LayerNormalization()(layers.add([tokens, attended]))
    inside = layers.Dense(64)(layers.Dense(256, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.add([x, inside]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(tokens, layers.Dense(10, activation="softmax")(x))


def vgg16_frozen() -> Any:
    import keras

    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3))
    base.trainable = False
    return keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])


def efficientnetb0() -> Any:
    import keras

    return keras.applications.EfficientNetB0(weights=None, input_shape=(96, 96, 3), classes=10)


def mobilenetv2() -> Any:
    import keras

    return keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)


CASES = {
    "mlp": Case(mlp, (256,), 10, batch=64, steps=150),
    "cnn": Case(cnn, (28, 28, 1), 10, batch=32, steps=60),
    "lstm": Case(lstm, (40, 16), 2, batch=32, steps=30),
    "resnet50": Case(resnet50, (64, 64, 3), 10, batch=8, steps=2),
    "transformer": Case(transformer, (32, 64), 10, batch=32, steps=60),
    "vgg16_frozen": Case(vgg16_frozen, (64, 64, 3), 10, batch=8, steps=8),
    "efficientnetb0": Case(efficientnetb0, (96, 96, 3), 10, batch=8, steps=2),
    "mobilenetv2": Case(mobilenetv2, (96, 96, 3), 10, batch=8, steps=2),
}


def compiled(case: Case) -> Any:
    """A freshly built model, ready to be fitted."""
    model = case.build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def batches(case: Case) -> Any:
    """A data set without end."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(0)
    x = random.normal(size=(BATCHES * case.batch, *case.input_shape)).astype("float32")
    y = x.reshape(len(x), -1)[:, : case.classes].argmax(1)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(case.batch, drop_remainder=True).cache().repeat()
