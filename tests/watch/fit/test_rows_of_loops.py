"""How many rows a batch has, in loops of the script's own: seen, or not told, but never made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.diagnose.engine import diagnose
from nanwatch.record.run import Fit
from tests.watch.fit.test_loops import STEPS, watching
from tests.watch.model_kinds import BATCH, table
from tests.watch.training import only_run

pytestmark = pytest.mark.tensorflow


def line(compiled: bool) -> Callable[[Any], None]:
    """A step on a variable of the script's own: no model is called, so no batch is seen."""
    weight, optimizer = keras.Variable(np.zeros((8, 1), "float32"), name="weight"), keras.optimizers.SGD(0.01)

    def step(x: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, weight) - 1.0))
        optimizer.apply([tape.gradient(loss, weight.value)], [weight])

    return tf.function(step) if compiled else step


def net(call: Callable[[Any, int], Any] | None = None) -> Callable[[Any], None]:
    """A step on a Keras model, whose ``call`` goes by itself where it is given."""
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.01)

    def step(x: Any) -> None:
        number = int(optimizer.iterations.numpy())
        with tf.GradientTape() as tape:
            y_pred = model(x) if call is None else call(model, number)(x)
            loss = tf.reduce_mean(tf.square(y_pred - 1.0))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    return step


def trained(step: Callable[[Any], None], folder: Path, convert: Callable[[Any], Any] = tf.constant) -> Fit:
    x = table()
    with watching(folder):
        for first in range(0, len(x), BATCH):
            step(convert(x[first : first + BATCH]))
    run = only_run(folder)
    assert run.info.errors == ()
    assert [one.code for one in diagnose(run).diagnoses] == []
    (fit,) = run.fits
    assert (fit.info.steps, len(fit.losses())) == (STEPS, STEPS)
    return fit


@pytest.mark.parametrize("compiled", [False, True])
def test_rows_that_were_not_seen_are_not_told(compiled: bool, tmp_path: Path) -> None:
    fit = trained(line(compiled), tmp_path)
    assert not fit.steps.has_column("rows")
    assert fit.info.data.inputs == ()


@pytest.mark.parametrize("convert", [tf.constant, np.asarray, lambda x: x.astype("float64")])
def test_tensors_and_arrays_are_seen(convert: Callable[[Any], Any], tmp_path: Path) -> None:
    fit = trained(net(), tmp_path, convert)
    assert [rows for _, rows in fit.steps.values("rows")] == [BATCH] * STEPS
    assert fit.info.data.inputs[0].rows == fit.info.steps * BATCH


def test_steps_in_between_that_are_not_seen(tmp_path: Path) -> None:
    """Every other step calls the model past Keras's ``__call__``."""
    fit = trained(net(lambda model, number: model.call if number % 2 else model), tmp_path)
    assert [rows for _, rows in fit.steps.values("rows")] == [BATCH] * STEPS
    norms = [norm for _, norm in fit.steps.values("input", "0", "l2_norm")]
    assert norms[1::2] == norms[0::2]
    assert min(norms) > 0
