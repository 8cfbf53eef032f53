"""The models that are timed: a name, how to build one, a few batches of noise, steps a segment."""

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


CASES = {
    "mlp": Case(mlp, (256,), 10, batch=64, steps=150),
    "cnn": Case(cnn, (28, 28, 1), 10, batch=32, steps=60),
    "lstm": Case(lstm, (40, 16), 2, batch=32, steps=30),
    "resnet50": Case(resnet50, (64, 64, 3), 10, batch=8, steps=2),
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
    y = random.integers(0, case.classes, BATCHES * case.batch)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(case.batch, drop_remainder=True).cache().repeat()
