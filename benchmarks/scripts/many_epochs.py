"""One ``fit`` of many epochs of two steps each. Argument: epochs. Tells the CPU seconds of each tenth."""

from __future__ import annotations

import sys
import time
from typing import Any

import keras
import numpy as np

from benchmarks.scripts.told import callbacks, tell


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every
        self.read: list[float] = [time.process_time()]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self.every == 0:
            self.read.append(time.process_time())


def main(epochs: int) -> None:
    x = np.random.RandomState(0).randn(32, 8).astype("float32")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    clock = Clock(epochs // 10)
    model.fit(x, x[:, :1], batch_size=16, epochs=epochs, callbacks=[*callbacks(), clock], verbose=0)
    tell(tenths=[after - before for before, after in zip(clock.read, clock.read[1:], strict=False)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
