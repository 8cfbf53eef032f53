"""New models, one after another, as folds or a search over settings train them.

Arguments: models, steps of each. Tells the CPU seconds of each model, and megabytes after each.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

import keras
import numpy as np

from benchmarks.scripts.told import callbacks, resident, tell

BATCH = 32


def new_model() -> Any:
    layers = [
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((20,)), *layers])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(models: int, steps: int) -> None:
    x = np.random.RandomState(0).randn(BATCH * steps, 20).astype("float32")
    y = x[:, :3].argmax(1)
    cpu: list[float] = []
    megabytes: list[float] = []
    for number in range(models):
        before = time.process_time()
        keras.backend.clear_session()
        keras.utils.set_random_seed(number)
        new_model().fit(x, y, batch_size=BATCH, callbacks=callbacks(), verbose=0)
        gc.collect()
        cpu.append(time.process_time() - before)
        megabytes.append(resident())
    tell(cpu=cpu, megabytes=megabytes)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
