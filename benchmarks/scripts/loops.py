"""Loops without ``fit``. Arguments: ``compiled`` or ``eager``, loops, steps of each.

Each loop trains a model of its own. Tells the CPU seconds of each loop, and megabytes after each.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

import keras
import tensorflow as tf

from benchmarks.cases import CASES, batches
from benchmarks.scripts.told import resident, tell


def loop(compiled: bool, steps: int) -> float:
    case = CASES["mlp"]
    model, optimizer = case.build(), keras.optimizers.Adam()
    measure = keras.losses.SparseCategoricalCrossentropy()

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = measure(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    run = tf.function(step) if compiled else step
    data = batches(case)
    before = time.process_time()
    for x, y in data.take(steps):
        run(x, y)
    return time.process_time() - before


def main(way: str, loops: int, steps: int) -> None:
    cpu: list[float] = []
    megabytes: list[float] = []
    for _ in range(loops):
        cpu.append(loop(way == "compiled", steps))
        gc.collect()
        megabytes.append(resident())
    tell(cpu=cpu, megabytes=megabytes)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
