"""Under a strategy, too, the ops are looked at that ran: those of the replica that saw it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.side_by_side import ended

pytestmark = pytest.mark.tensorflow
SCRIPT = """
import contextlib, sys
import keras, numpy as np, tensorflow as tf
import nanwatch

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
STRATEGY = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
ROWS = np.random.default_rng(0).normal(size=(128, 8)).astype("float32")
LABELS = (ROWS[:, :1] > 0).astype("float32")


class LossByHand(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            out = self(x, training=True)
            sizes = tf.reduce_sum(tf.square(x), axis=1)
            loss = tf.reduce_mean(tf.square(y - out)) + 0.01 * tf.reduce_mean(tf.math.log(sizes))  # by hand
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


class Drawn(keras.Model):  # the row that is all zeros is divided by what is drawn for it, and by nothing else
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            out = self(x, training=True)
            kept = tf.cast(tf.random.uniform([tf.shape(x)[0], 1]) < 0.5, tf.float32)
            mask = tf.nn.dropout(kept + tf.cast(tf.reduce_sum(tf.abs(x), 1, True) > 0, tf.float32), 0.5)
            share = tf.reduce_sum(mask * tf.cast(tf.reduce_sum(tf.abs(x), 1, True) == 0, tf.float32))
            loss = tf.reduce_mean(tf.square(y - out)) + 0.0 / (2.0 - share)  # drawn
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class Length(keras.layers.Layer):
    def call(self, x):
        return tf.sqrt(tf.reduce_sum(tf.square(x), axis=1, keepdims=True))  # slope


class Shares(keras.layers.Layer):
    def call(self, x):
        return x / tf.reduce_sum(tf.abs(x), axis=1, keepdims=True)  # shares


def network(kind, *first):
    given = keras.Input((8,))
    found = given
    for layer in (*first, keras.layers.Dense(16), keras.layers.Dropout(0.5), keras.layers.Dense(1)):
        found = layer(found)
    return kind(given, found)


def train(case, kind, row, *first, rows=128):
    keras.utils.set_random_seed(1)
    with STRATEGY.scope():
        model = network(kind, *(make() for make in first))
        model.compile("adam", "mse")
    x = ROWS[:rows].copy()
    x[row] = 0.0
    watch = nanwatch.Watch(log_dir=case)
    with contextlib.suppress(nanwatch.TrainingHalted):
        epochs = 40 if case == "drawn" else 1
        model.fit(x, LABELS[:rows], batch_size=32, epochs=epochs, verbose=0, shuffle=False, callbacks=[watch])


train("first", LossByHand, 100)
train("second", LossByHand, 116)
train("partial", LossByHand, 67, rows=70)
train("slope", keras.Model, 52, lambda: keras.layers.Dense(3, use_bias=False), Length)
train("shares", keras.Model, 20, Shares)
train("drawn", Drawn, 116)
train("exchanged", keras.Model, 52, Shares, lambda: keras.layers.BatchNormalization(synchronized=True))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which each case has its run."""
    folder = tmp_path_factory.mktemp("replicas")
    (folder / "train.py").write_text(SCRIPT)
    done = ended(folder, sys.executable, "train.py")
    assert done.status == 0, done.stderr.decode()
    return folder


@pytest.mark.parametrize(
    ("case", "replica", "step", "kind", "direction", "mark", "rows"),
    [
        ("first", 0, 3, "Log", "forward", "by hand", [4]),
        ("second", 1, 3, "Log", "forward", "by hand", [4]),
        ("partial", 1, 2, "Log", "forward", "by hand", [0]),  # a function of its own, for a batch of six
        ("slope", 1, 1, "SqrtGrad", "backward", "slope", [4]),
        ("shares", 1, 0, "RealDiv", "forward", "shares", [4]),
        ("drawn", 1, None, "RealDiv", "forward", "drawn", None),
        ("exchanged", None, 1, "RealDiv", "forward", "shares", None),  # each has it from the second
    ],
)
def test_the_op_of_the_replica_that_saw_it(
    case: str,
    replica: int | None,
    step: int | None,
    kind: str,
    direction: str,
    mark: str,
    rows: list[int] | None,
    runs: Path,
) -> None:
    record: dict[str, Any] = json.loads(next((runs / case).glob("*/run.json")).read_text())
    assert record.get("errors", []) == []
    incident = record["incident"]
    op = incident["op"]
    line = next(no for no, text in enumerate(SCRIPT.splitlines(), 1) if text.endswith(f"# {mark}"))
    assert (op["type"], op["direction"], op["location"]["line"]) == (kind, direction, line)
    assert replica is None or incident["replica"] == replica
    assert incident["reproduced"] is True
    assert step is None or incident["step"] == step
    assert rows is None or incident["bad_rows"] == rows
