"""What a step draws, wherever it draws it, is the same when the step is run once more; or that is said."""

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
from nanwatch.record.notes import DrawnAgain
from tests.watch.training import only_run, watch_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("ignore:Seed")]
RARE = 0.02  # what the step does not survive; drawn anew, it would hardly come again


@tf.function
def in_function() -> Any:
    return tf.cast(tf.random.uniform([]) > RARE, tf.float32)


@tf.function
def deeper() -> Any:
    return in_function() + 0.0 * tf.random.normal([])


def in_branch() -> Any:
    return tf.cond(tf.random.uniform([]) < 0.5, deeper, lambda: tf.ones([]))


@tf.function
def in_loop() -> Any:
    found = tf.ones([])
    for _ in tf.range(3):
        found *= in_function()
    return found


seeds = keras.random.SeedGenerator(5)


@tf.function
def from_a_seed() -> Any:
    return tf.cast(keras.random.uniform([], seed=seeds) > RARE, tf.float32)


@tf.function
def born_in_loop() -> Any:
    found = tf.ones([])
    for _ in tf.range(200):  # loop
        found += 0.0 * tf.math.log(in_function())
    return found


DRAWN: dict[str, Callable[[], Any]] = {
    "in a function": deeper,
    "in a branch": in_branch,
    "from a seed": from_a_seed,
    "in a loop": in_loop,
}


class Drawing(keras.Model):
    draw: Callable[[], Any] = staticmethod(deeper)

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            out = self(x, training=True)
            loss = tf.reduce_mean(tf.square(y - out)) / self.draw()  # divided
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def incident_of(draw: Callable[[], Any], folder: Path) -> Any:
    keras.utils.set_random_seed(1)
    given = keras.Input((4,))
    model = Drawing(given, keras.layers.Dense(1)(given))
    model.draw = draw
    model.compile("sgd", jit_compile=False)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    with contextlib.suppress(nanwatch.TrainingHalted):
        model.fit(x, x[:, :1], batch_size=8, epochs=99, verbose=0, callbacks=[watch_in(folder)])
    run = only_run(folder)
    assert run.info.errors == ()
    return run.info.incident


@pytest.mark.parametrize("where", DRAWN)
def test_the_step_is_the_same_again(where: str, tmp_path: Path) -> None:
    found = incident_of(DRAWN[where], tmp_path)
    assert found is not None
    assert found.reproduced is True
    lines = Path(__file__).read_text().splitlines()
    assert found.op.type == "RealDiv"
    assert lines[found.op.location.line - 1].endswith("# divided")
    assert not any(isinstance(note, DrawnAgain) for note in found.notes)


def test_what_is_born_in_a_loop_that_draws_is_told_with_a_note(tmp_path: Path) -> None:
    found = incident_of(born_in_loop, tmp_path)
    assert found is not None
    lines = Path(__file__).read_text().splitlines()
    assert found.op.type == "While"
    assert lines[found.op.location.line - 1].endswith("# loop")
    assert [note for note in found.notes if isinstance(note, DrawnAgain)] == [DrawnAgain()]
