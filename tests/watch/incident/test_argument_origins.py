"""What the argument of the bad op is made of, in compiled and in eager steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nanwatch
from nanwatch.record.facts import OpInfo
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow


class Scaled(keras.Model):
    """Its loss is of a prediction, a target, an input or a weight, with a zero in each."""

    def __init__(self, loss: Callable[..., Any]) -> None:
        super().__init__()
        self.head = keras.layers.Dense(1, "relu", kernel_initializer="zeros")
        self.scale = self.add_weight(shape=(), initializer="zeros", name="scale")
        self.own_loss = loss

    def call(self, x: Any) -> Any:
        return self.head(x) + 0.0 * self.scale

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.own_loss(x, y, self(x, training=True), self.scale))
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return {"objective": loss}


def op_of(loss: Callable[..., Any], folder: Path, eager: bool) -> OpInfo:
    model = Scaled(loss)
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=eager)
    x, y = np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32")
    with pytest.raises(nanwatch.TrainingHalted):
        model.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=[watch_in(folder)])
    incident = only_run(folder).info.incident
    assert incident is not None
    assert incident.op is not None
    return incident.op


LOSSES: dict[str, tuple[Callable[..., Any], tuple[str, ...], str | None]] = {
    "prediction": (lambda x, y, out, scale: -y * tf.math.log(out) + out, ("output",), None),
    "target": (lambda x, y, out, scale: tf.math.log(y) - out, ("label",), None),
    "input": (lambda x, y, out, scale: tf.math.log(x[:, :1]) - out, ("input",), "StridedSlice"),
    "weight": (lambda x, y, out, scale: tf.math.log(tf.abs(scale)) + out, ("weight",), "Abs"),
    "difference": (
        lambda x, y, out, scale: tf.sqrt(1.0 - tf.cos(out - y) ** 2 + 0.0),
        ("output", "label"),
        "Sub",
    ),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("eager", [False, True])
def test_what_the_argument_is_of(name: str, eager: bool, tmp_path: Path) -> None:
    loss, made_of, made_by = LOSSES[name]
    op = op_of(loss, tmp_path, eager)
    if eager and op.direction == "backward":
        assert op.made_of == ()  # of a gradient's forward op eagerly nothing is kept
        return
    assert op.made_of == made_of
    assert made_by is None or op.made_by == made_by


@pytest.mark.parametrize("eager", [False, True])
def test_which_constants_it_met(eager: bool, tmp_path: Path) -> None:
    def loss(x: Any, y: Any, out: Any, scale: Any) -> Any:
        return -tf.math.log(1.0 - tf.clip_by_value(1.0 - out, 1e-8, 1.0 - 1e-8) + 0.0)

    met = op_of(loss, tmp_path, eager).met
    assert [each.type for each in met] == ["AddV2", "Sub", "Maximum", "Minimum", "Sub"]
    assert [each.value for each in met] == pytest.approx([0.0, 1.0, 1e-8, 1.0, 1.0])
