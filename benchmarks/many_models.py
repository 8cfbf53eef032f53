"""Many small models, one after another, as a search over settings trains them: resident megabytes on stdout.

Arguments: ``fit``, ``batches`` (`train_on_batch`), ``loop`` (GradientTape in a ``tf.function``) or ``eager``
(the same without), and the number of models.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

EVERY = 10  # models, between two figures
x = np.random.RandomState(0).randn(256, 8).astype("float32")
y = np.random.RandomState(1).randint(0, 3, 256)


def new_model() -> Any:
    layers = [
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((8,)), *layers])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit() -> None:
    new_model().fit(x, y, epochs=2, verbose=0)


def batches() -> None:
    model = new_model()
    for first in range(0, len(x), 32):
        model.train_on_batch(x[first : first + 32], y[first : first + 32])


def loop(compiled: bool = True) -> None:
    model, optimizer = new_model(), keras.optimizers.SGD(0.1)
    measure = keras.losses.SparseCategoricalCrossentropy()

    def step(a: Any, b: Any) -> None:
        with tf.GradientTape() as tape:
            loss = measure(b, model(a, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    run = tf.function(step) if compiled else step
    for first in range(0, len(x), 32):
        run(tf.constant(x[first : first + 32]), tf.constant(y[first : first + 32]))


WAYS: dict[str, Callable[[], None]] = {
    "fit": fit,
    "batches": batches,
    "loop": loop,
    "eager": lambda: loop(compiled=False),
}


def resident() -> int:
    """Megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def main(way: str, models: int) -> None:
    for number in range(1, models + 1):
        keras.backend.clear_session()
        keras.utils.set_random_seed(number)
        WAYS[way]()
        gc.collect()
        if number % EVERY == 0:
            print(resident())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
