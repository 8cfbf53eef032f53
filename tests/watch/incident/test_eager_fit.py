"""An eager ``fit``: the ops are looked at that ran, and the step's Python is not asked again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nanwatch
from nanwatch.watch.train_step.eager_ops import ops_of_step
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow
BAD = 2  # the step that goes bad


class Once(keras.Model):
    """Bad in one call of its step, and in no other: a second run of it shows nothing."""

    calls = 0

    def train_step(self, data: Any) -> Any:
        x, y = data
        zero = float(self.calls == BAD)
        self.calls += 1
        with tf.GradientTape() as tape:
            out = self(x, training=True)
            noise = tf.random.uniform([]) + 1.0 - zero * 9.0
            loss = tf.reduce_mean(tf.square(y - out)) + tf.math.log(tf.nn.relu(noise))  # once
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


@tf.function
def lengths(x: Any, smallest: Any) -> Any:
    sizes = tf.reduce_sum(tf.square(x), axis=1) * smallest
    return tf.sqrt(sizes)  # function


class Called(Once):
    def train_step(self, data: Any) -> Any:
        x, y = data
        smallest = float(self.calls != BAD)
        self.calls += 1
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - lengths(self(x, training=True), smallest)))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class Second(Once):
    """Two updates in a step, of which the second is bad."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        self.calls += 1
        for scale in (1.0, float(self.calls - 1 != BAD)):
            with tf.GradientTape() as tape:
                rest = tf.reduce_mean(tf.square(y - self(x, training=True)))
                loss = rest / scale  # second
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class Penalised(Once):
    """A gradient goes into the loss; ops behind it are kept as well."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        power = 0.5 if self.calls == BAD else 2.0
        self.calls += 1
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(x)
                out = self(x, training=True)
            slope = inner.gradient(out, x)
            for _ in range(600):
                slope = slope * 1.0
            size = tf.pow(tf.reduce_sum(tf.square(slope * 0.0)), power)  # slope
            loss = tf.reduce_mean(tf.square(y - out)) + size
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class Length(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return tf.sqrt(tf.reduce_sum(tf.square(x), axis=1, keepdims=True))  # layer


def network(kind: Any, *layers: Any, loss: str = "mse") -> Any:
    given = found = keras.Input((4,))
    for layer in layers or (keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)):
        found = layer(found)
    model = kind(given, found)
    model.compile("adam", loss, run_eagerly=True)  # compile
    return model


def relu_head() -> Any:
    head = keras.layers.Dense(3, "relu", kernel_initializer="zeros")
    return network(keras.Model, head, loss="categorical_crossentropy")


CASES: dict[str, tuple[Callable[[], Any], str, str, str]] = {
    "once": (lambda: network(Once), "Log", "forward", "once"),
    "function": (lambda: network(Called), "SqrtGrad", "backward", "function"),
    "second": (lambda: network(Second), "RealDiv", "forward", "second"),
    "slope": (lambda: network(Penalised), "Pow", "backward", "slope"),
    "layer": (
        lambda: network(keras.Model, keras.layers.Dense(2, use_bias=False), Length()),
        *("SqrtGrad", "backward", "layer"),
    ),
    "loss": (relu_head, "RealDiv", "forward", "compile"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_op_its_direction_and_its_line(case: str, tmp_path: Path) -> None:
    make, kind, direction, mark = CASES[case]
    keras.utils.set_random_seed(4)
    model = make()
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    x[BAD * 8 + 2] = 0.0  # a row with label 1
    y = np.eye(3, dtype="float32")[np.arange(32) % 3][:, : 3 if case == "loss" else 1]
    watch = watch_in(tmp_path)
    with contextlib.suppress(nanwatch.TrainingHalted):
        model.fit(x, y, batch_size=8, verbose=0, shuffle=False, callbacks=[watch])
    run = only_run(tmp_path)
    assert run.info.errors == ()
    incident = run.info.incident
    assert incident is not None
    assert incident.op is not None
    assert incident.op.location is not None
    lines = Path(__file__).read_text().splitlines()
    marked = next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {mark}"))
    assert (incident.op.type, incident.op.direction) == (kind, direction)
    assert (incident.op.location.file, incident.op.location.line) == (__file__, marked)
    assert incident.reproduced is True
    assert ops_of_step() is None
