"""A loop with a loss made by hand: its labels are what the predictions meet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import FitInfo
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.programs.running import seams
from tests.watch.training import only_run

pytestmark = pytest.mark.tensorflow

ROWS, STEPS = 16, 4
Loss = Callable[[Any, Any], Any]


def squares(y: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.square(y - y_pred))


def shaped(y: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.math.squared_difference(tf.cast(y, tf.float32)[:, tf.newaxis], y_pred))


def halved(y: Any, y_pred: Any) -> Any:
    """The predictions meet a number before they meet the labels."""
    return tf.reduce_mean(
        tf.abs(y_pred * 0.5 - tf.reshape(y, [-1, 1])) + tf.abs(y_pred - tf.reshape(y, [-1, 1]))
    )


def of_nobody(y: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.square(y_pred))


def trained(loss: Loss, compiled: bool, folder: Path) -> FitInfo:
    """A loop over the same rows, watched."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(ROWS, 3)), tf.float32)
    y = tf.constant(rng.normal(size=ROWS), tf.float32)
    recorder = RunRecorder(folder, "loop.py", ())
    try:
        with seams(keras, recorder, "raise"):
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
            optimizer = keras.optimizers.SGD(0.01)

            def step(x: Any, y: Any) -> None:
                with tf.GradientTape() as tape:
                    value = loss(y, model(x, training=True))
                gradients = tape.gradient(value, model.trainable_variables)
                optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

            run = tf.function(step) if compiled else step
            for _ in range(STEPS):
                run(x, y)
    finally:
        recorder.end("finished", 0)
    assert only_run(folder).info.errors == ()
    return only_run(folder).fits[0].info


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("loss", [squares, shaped, halved])
def test_the_labels_are_seen(loss: Loss, compiled: bool, tmp_path: Path) -> None:
    (labels,) = trained(loss, compiled, tmp_path).data.labels
    assert labels.shape == (None,)
    assert labels.rows == STEPS * ROWS


@pytest.mark.parametrize("compiled", [True, False])
def test_ranks_that_differ_are_told_with_the_line(compiled: bool, tmp_path: Path) -> None:
    (met,) = trained(squares, compiled, tmp_path).broadcasts or ()
    assert (met.type, met.output_shape[-1], len(met.label_shape), met.shape[-1]) == ("Sub", 1, 1, ROWS)
    assert met.location is not None
    assert "y - y_pred" in met.location.code


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("loss", [shaped, halved, of_nobody])
def test_ranks_that_agree_are_no_finding(loss: Loss, compiled: bool, tmp_path: Path) -> None:
    assert not trained(loss, compiled, tmp_path).broadcasts


@pytest.mark.parametrize("compiled", [True, False])
def test_a_loss_without_labels_has_none(compiled: bool, tmp_path: Path) -> None:
    assert trained(of_nobody, compiled, tmp_path).data.labels == ()


def test_nothing_listens_once_the_loss_has_failed(tmp_path: Path) -> None:
    from tensorflow.python.framework import op_callbacks

    def failing(y: Any, y_pred: Any) -> Any:
        raise RuntimeError("the script's own")

    with pytest.raises(RuntimeError, match="own"):
        trained(failing, compiled=False, folder=tmp_path)
    assert not op_callbacks.should_invoke_op_callbacks()


@pytest.mark.parametrize("compiled", [True, False])
def test_the_line_of_a_loss_made_by_hand(compiled: bool, tmp_path: Path) -> None:
    at = trained(squares, compiled, tmp_path).loss_location
    assert (at is not None and "tf.reduce_mean" in at.code) is compiled  # eagerly no op knows its line
