"""Whether an optimizer that takes a scale off the gradients was asked to put it on the loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.run import Fit
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.programs.running import seams
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow

X, Y = np.ones((8, 3), "float32"), np.full((8, 1), 3.0, "float32")


def looped(folder: Path, scaled: bool, compiled: bool, optimizer: Any) -> Fit:
    recorder = RunRecorder(folder, "loop.py", ())
    try:
        with seams(keras, recorder, "raise"):
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="zeros")])

            def step(x: Any, y: Any) -> None:
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
                    loss = optimizer.scale_loss(loss) if scaled else loss
                variables = model.trainable_variables
                optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

            run = tf.function(step) if compiled else step
            run(tf.constant(X), tf.constant(Y))
    finally:
        recorder.end("finished", 0)
    return only_run(folder).fits[0]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_of_a_loop(scaled: bool, compiled: bool, tmp_path: Path) -> None:
    fit = looped(tmp_path, scaled, compiled, keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)))
    assert fit.info.loss_scaled is scaled
    assert [loss for _, loss in fit.losses()] == [9.0]  # of either what the script's own loss was


def test_of_an_optimizer_without_a_scale(tmp_path: Path) -> None:
    assert looped(tmp_path, False, True, keras.optimizers.SGD(0.01)).info.loss_scaled is None


def test_of_keras_s_own_step(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)), "mse")
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[watch_in(tmp_path)])
    assert only_run(tmp_path).fits[0].info.loss_scaled is True
