"""A rate that a callback or the script changes between epochs leaves an event; a schedule's decay none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.callbacks import LambdaCallback, LearningRateScheduler, ReduceLROnPlateau

from nanwatch.record.events import LearningRateChanged
from nanwatch.record.run import Run
from tests.watch.training import only_run, watch_in

# Keras 3 reads the rate in a way that NumPy 2 warns of.
pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

EPOCHS, STEPS = 4, 2  # steps of an epoch
DECAY = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)


def train(
    folder: Path, *callbacks: Any, optimizer: Any = None, watch_first: bool = False, **given: Any
) -> Run:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.SGD(0.25), "mse")
    x, y = np.ones((4 * STEPS, 3), "float32"), np.ones((4 * STEPS, 1), "float32")
    watch = watch_in(folder)
    order = [watch, *callbacks] if watch_first else [*callbacks, watch]
    model.fit(x, y, batch_size=4, epochs=EPOCHS, verbose=0, callbacks=order)
    return only_run(folder)


def changes(run: Run) -> list[LearningRateChanged]:
    (fit,) = run.fits
    return [event for event in fit.events if isinstance(event, LearningRateChanged)]


@pytest.mark.parametrize("watch_first", [False, True])
def test_a_scheduler_s_steps(tmp_path: Path, watch_first: bool) -> None:
    halved = LearningRateScheduler(lambda epoch, rate: rate if epoch < 2 else 0.5 * rate)
    run = train(tmp_path, halved, watch_first=watch_first)
    assert changes(run) == [
        LearningRateChanged(0, 2, 2 * STEPS, 0.25, 0.125),
        LearningRateChanged(0, 3, 3 * STEPS, 0.125, 0.0625),
    ]


@pytest.mark.parametrize("watch_first", [False, True])
def test_a_plateau_s_step(tmp_path: Path, watch_first: bool) -> None:
    reduce = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=1e9, min_lr=0.125)
    (change,) = changes(train(tmp_path, reduce, watch_first=watch_first))
    assert change == LearningRateChanged(0, 2, 2 * STEPS, 0.25, 0.125)


def test_of_an_optimizer_that_scales_the_loss(tmp_path: Path) -> None:
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25), initial_scale=2.0)
    halved = LearningRateScheduler(lambda epoch, rate: rate if epoch < 3 else 0.5 * rate)
    (change,) = changes(train(tmp_path, halved, optimizer=scaled))
    assert change == LearningRateChanged(0, 3, 3 * STEPS, 0.25, 0.125)


def test_where_several_steps_are_one_execution(tmp_path: Path) -> None:
    halved = LearningRateScheduler(lambda epoch, rate: rate if epoch < 1 else 0.125)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.25), "mse", steps_per_execution=STEPS)
    x, y = np.ones((4 * STEPS, 3), "float32"), np.ones((4 * STEPS, 1), "float32")
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[halved, watch_in(tmp_path)])
    assert changes(only_run(tmp_path)) == [LearningRateChanged(0, 1, STEPS, 0.25, 0.125)]


def assign(value: float) -> Any:
    def on_epoch_begin(callback: Any, epoch: int, logs: Any = None) -> None:
        callback.model.optimizer.learning_rate.assign(value)

    made = type("Assign", (keras.callbacks.Callback,), {"on_epoch_begin": on_epoch_begin})
    return made()


@pytest.mark.parametrize(
    ("callback", "optimizer"),
    [
        (LambdaCallback(), None),
        (assign(0.25), None),
        (LambdaCallback(), keras.optimizers.SGD(DECAY)),
    ],
    ids=["untouched", "the same again", "a schedule"],
)
def test_no_change(tmp_path: Path, callback: Any, optimizer: Any) -> None:
    assert changes(train(tmp_path, callback, optimizer=optimizer)) == []
