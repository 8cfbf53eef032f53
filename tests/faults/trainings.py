"""Small trainings of every kind, that end in numbers which can be compared."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.faults.fault import Fault, fault
from tests.watch.fit.test_loops import watching
from tests.watch.model_kinds import OwnCompiledStep, OwnStep, state_of
from tests.watch.training import differing, far_apart, watch_in

ROWS, BATCH, EPOCHS = 64, 8, 1


def table() -> Any:
    return np.random.default_rng(5).normal(size=(ROWS, 4)).astype("float32")


def model(cls: Any = keras.Model, **compiled: Any) -> Any:
    """One with state of every kind: statistics, a seed, metrics, an optimizer's slots."""
    x = inputs = keras.Input((4,))
    for layer in (layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(1)):
        x = layer(x)
    found = cls(inputs, x)
    found.compile("adam", "mse", metrics=["mae"], **compiled)
    return found


class TwoOptimizers(keras.Model):
    """Two updates in a step, one after the other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.other = keras.optimizers.RMSprop()
        self.tracker = keras.metrics.Mean(name="tracked")

    @property
    def metrics(self) -> list[Any]:
        return [self.tracker]

    def train_step(self, data: Any) -> Any:
        x, y = data
        half = len(self.trainable_variables) // 2
        parts = (
            (self.trainable_variables[:half], self.optimizer),
            (self.trainable_variables[half:], self.other),
        )
        for variables, optimizer in parts:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(tf.reshape(y, [-1, 1]) - self(x, training=True)))
            optimizer.apply(tape.gradient(loss, variables), variables)
        self.tracker.update_state(loss)
        return {"loss": loss, "tracked": self.tracker.result()}


@functools.cache
def mirrored(*devices: str) -> Any:
    """One strategy for all trainings: those of a second one are taken for the first one's by TensorFlow."""
    return tf.distribute.MirroredStrategy(devices)


def under(*devices: str) -> Any:
    with mirrored(*devices).scope():
        return model()


KINDS: dict[str, Callable[[], Any]] = {
    "loop": lambda: None,
    "graph": model,
    "eager": lambda: model(run_eagerly=True),
    "XLA": lambda: model(jit_compile=True),
    "steps_per_execution": lambda: model(steps_per_execution=4),
    "XLA, steps_per_execution": lambda: model(jit_compile=True, steps_per_execution=4),
    "own step": lambda: model(OwnStep),
    "own step, a tf.function": lambda: model(OwnCompiledStep),
    "two optimizers": lambda: model(TwoOptimizers),
    "one replica": lambda: under("CPU:0"),
    "two replicas": lambda: under("CPU:0", "CPU:1"),
}


@dataclass
class Ended:
    state: list[Any]
    history: dict[str, list[float]]
    logs: list[dict[str, float]]  # of every call of the train function


class Logs(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, float]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append({name: float(value) for name, value in (logs or {}).items()})


def loop() -> Ended:
    """A loop of the script's own: a step in a ``tf.function``, with a metric beside the model."""
    found, optimizer, x = model(), keras.optimizers.Adam(), table()
    metric, measure = keras.metrics.Mean(), keras.losses.MeanSquaredError()

    @tf.function
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = measure(y, found(x, training=True))
        gradients = tape.gradient(loss, found.trainable_variables)
        optimizer.apply_gradients(zip(gradients, found.trainable_variables, strict=True))
        metric.update_state(loss)
        return loss

    logs = []
    for first in range(0, ROWS, BATCH):
        rows = tf.constant(x[first : first + BATCH])
        logs.append({"loss": float(step(rows, rows[:, :1]))})
    held = [*found.variables, *optimizer.variables, *metric.variables]
    return Ended([variable.numpy() for variable in held], {}, logs)


def trained(kind: str, callbacks: list[Any]) -> Ended:
    keras.utils.set_random_seed(3)
    if kind == "loop":
        return loop()
    found, logs, x = KINDS[kind](), Logs(), table()
    validation = tf.data.Dataset.from_tensor_slices((x[:40], x[:40, 0])).batch(BATCH)
    given = {"validation_data": validation, "batch_size": BATCH, "verbose": 0}
    history = found.fit(x, x[:, 0], epochs=EPOCHS, callbacks=[*callbacks, logs], **given)
    more = [variable.numpy() for variable in getattr(found, "other", found.optimizer).variables]
    return Ended([*state_of(found), *more], history.history, logs.seen)


@functools.cache
def bare(kind: str) -> Ended:
    return trained(kind, [])


@dataclass
class Outcome:
    """What a fault in an op came to."""

    fault: Fault
    differs: list[str]  # from a training that nobody watches
    errors: list[str]  # that nanwatch notes of itself

    @property
    def is_fine(self) -> bool:
        return not self.differs and (bool(self.errors) or not self.fault.has_failed)


def with_fault(kind: str, op: str, folder: Path) -> Outcome:
    """A watched training in which that op fails. Raises what reaches the script."""
    expected = bare(kind)
    with fault(op, eager="eager" in kind) as put:
        if kind == "loop":
            with watching(folder) as recorder:
                found = trained(kind, [])
        else:
            watch = watch_in(folder)
            found = trained(kind, [watch])
            recorder = watch.recorder
    differs = [f"state {place}" for place in apart(kind, found.state, expected.state)]
    differs += ["logs"] * (not is_near(kind, found.logs, expected.logs))
    differs += ["history"] * (not is_near(kind, [found.history], [expected.history]))
    errors = [f"{error.doing}: {error.type}" for error in recorder.info.errors]
    return Outcome(put, differs, errors)


def apart(kind: str, found: list[Any], expected: list[Any]) -> list[int]:
    """XLA's last bits depend on what is compiled together."""
    return far_apart(found, expected, 1e-5) if "XLA" in kind else differing(found, expected)


def is_near(kind: str, found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    if [each.keys() for each in found] != [each.keys() for each in expected]:
        return False
    pairs = zip(found, expected, strict=True)
    tolerance = 1e-4 if "XLA" in kind else 0.0
    far = [
        a for a, b in pairs if not all(np.allclose(a[name], b[name], rtol=tolerance, atol=0) for name in a)
    ]
    return len(far) <= (kind == "loop")  # one answer may be that of the weights of after the step
