"""Many fits of one model. Arguments: fits, steps of each.

Tells the CPU seconds of each fit, and how often the model's Python ran in each, which is once a tracing.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import keras

from benchmarks.cases import CASES, batches
from benchmarks.scripts.told import callbacks, tell


class Counted(keras.layers.Dense):  # type: ignore[misc]
    calls = 0

    def call(self, inputs: Any) -> Any:
        Counted.calls += 1
        return super().call(inputs)


def main(fits: int, steps: int) -> None:
    case = CASES["mlp"]
    inside = [keras.layers.Dense(128, "relu"), Counted(10, activation="softmax")]
    model = keras.Sequential([keras.Input(case.input_shape), *inside])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data = batches(case)
    cpu: list[float] = []
    traced: list[float] = []
    for _ in range(fits):
        calls, before = Counted.calls, time.process_time()
        model.fit(data, steps_per_epoch=steps, callbacks=callbacks(), verbose=0)
        cpu.append(time.process_time() - before)
        traced.append(Counted.calls - calls)
    tell(cpu=cpu, traced=traced)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
