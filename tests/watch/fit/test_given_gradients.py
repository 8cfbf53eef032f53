"""Functions of a script's own that give gradients, of which an update is made outside of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nanwatch
from nanwatch.record.facts import IncidentInfo
from nanwatch.watch.train_step import tape_recording
from nanwatch.watch.train_step.tape_recording import thread_recording
from tests.watch.fit.test_loops import watching
from tests.watch.training import only_run

pytestmark = pytest.mark.tensorflow
ROWS, PARTS = 4, 3
LINE = "logs = tf.math.log(tf.square(model(x)))  # the line"


def data(bad_part: int) -> list[tf.Tensor]:
    found = [np.ones((ROWS, 2), np.float32) for _ in range(PARTS)]
    found[bad_part][1] = 0.0
    return list(map(tf.constant, found))


def a_model() -> Any:
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return keras.Sequential([keras.Input((2,)), dense])


def gradients_of(model: Any) -> Callable[[Any], Any]:
    @tf.function
    def gradients(x: Any) -> Any:
        with tf.GradientTape() as tape:
            logs = tf.math.log(tf.square(model(x)))  # the line
            loss = tf.reduce_mean(logs)
        return tape.gradient(loss, model.trainable_variables)

    function: Callable[[Any], Any] = gradients
    return function


class Trainer:
    """With the function as a method."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @tf.function
    def gradients(self, x: Any) -> Any:
        model = self.model
        with tf.GradientTape() as tape:
            logs = tf.math.log(tf.square(model(x)))  # the line
            loss = tf.reduce_mean(logs)
        return tape.gradient(loss, model.trainable_variables)


def added_up(model: Any, optimizer: Any, parts: list[Any]) -> None:
    gradients, total = gradients_of(model), [tf.zeros([2, 1])]
    for x in parts:
        total = [before + grad for before, grad in zip(total, gradients(x), strict=True)]
    optimizer.apply([grad / PARTS for grad in total], model.trainable_variables)


def in_variables(model: Any, optimizer: Any, parts: list[Any]) -> None:
    gradients, total = gradients_of(model), [tf.Variable(tf.zeros([2, 1]))]
    for x in parts:
        for kept, grad in zip(total, gradients(x), strict=True):
            kept.assign_add(grad)
    optimizer.apply([tf.identity(grad) for grad in total], model.trainable_variables)


def of_a_method(model: Any, optimizer: Any, parts: list[Any]) -> None:
    trainer = Trainer(model)
    for x in parts:
        optimizer.apply(trainer.gradients(x), model.trainable_variables)


def of_two(model: Any, optimizer: Any, parts: list[Any]) -> None:
    """Two functions, then their two updates; the second is bad."""
    other, other_optimizer = a_model(), keras.optimizers.SGD(0.0)
    mine, others = gradients_of(model), gradients_of(other)
    healthy = tf.ones([ROWS, 2])
    for x in parts:
        first, second = others(healthy), mine(x)
        other_optimizer.apply(first, other.trainable_variables)
        optimizer.apply(second, model.trainable_variables)


def incident_of(train: Callable[..., None], bad_part: int, folder: Path) -> IncidentInfo:
    with watching(folder), pytest.raises(nanwatch.TrainingHalted):
        train(a_model(), keras.optimizers.SGD(0.0), data(bad_part))
    run = only_run(folder)
    assert run.info.errors == ()
    assert run.info.incident is not None
    return run.info.incident


@pytest.mark.parametrize("bad_part", [0, PARTS - 1])
@pytest.mark.parametrize("train", [added_up, in_variables, of_a_method, of_two])
def test_the_op_is_found_in_the_function(train: Callable[..., None], bad_part: int, tmp_path: Path) -> None:
    op = incident_of(train, bad_part, tmp_path).op
    assert op is not None
    assert (op.type, op.direction) == ("Log", "forward")
    assert op.location is not None
    assert op.location.line is not None
    assert Path(__file__).read_text().splitlines()[op.location.line - 1].strip() == LINE


def test_what_is_large_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_recording, "MOST_BYTES", 7)
    assert incident_of(added_up, 1, tmp_path).op is None


def test_a_call_that_makes_its_update_is_not_kept(tmp_path: Path) -> None:
    model, optimizer = a_model(), keras.optimizers.SGD(0.0)

    @tf.function
    def step(x: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    @tf.function
    def other(x: Any) -> Any:
        return x + 1.0

    with watching(tmp_path):
        for _ in range(3):
            step(other(tf.ones([ROWS, 2])))
            assert not thread_recording().calls.kept
