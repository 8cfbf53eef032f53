"""Data of unknown size end in a step without a batch; what that writes is written under watch too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.watch.model_kinds import BATCH, OwnStep, classes, layers_of_mlp, mlp, own, state_of, table
from tests.watch.training import differing, only_run, watch_in

pytestmark = pytest.mark.tensorflow

EPOCHS, STEPS = 2, 8  # in an epoch


class Twice(OwnStep):
    """Two updates in a step."""

    def train_step(self, data: Any) -> Any:
        super().train_step(data)
        return super().train_step(data)


class TwiceInAFunction(Twice):
    @tf.function
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def averaged() -> Any:
    return mlp(keras.optimizers.Adam(1e-2, use_ema=True, ema_overwrite_frequency=3))


def unbuilt() -> Any:
    model = keras.Sequential(layers_of_mlp())
    model.compile(keras.optimizers.Adam(1e-2, clipnorm=1.0), "binary_crossentropy")
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "Adam": mlp,
    "a count that it multiplies": lambda: mlp("nadam"),
    "weights that decay": lambda: mlp(keras.optimizers.AdamW(1e-2, weight_decay=0.1)),
    "averages": averaged,
    "built by the first batch": unbuilt,
    "loss scaling": lambda: mlp(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())),
    "own step of two updates": lambda: own(Twice),
    "own step of two updates, a tf.function": lambda: own(TwiceInAFunction),
    "eager": lambda: mlp(run_eagerly=True),
    "steps_per_execution": lambda: mlp(steps_per_execution=3),
}
# What TensorFlow counts when nobody watches, epoch for epoch: the updates of the last call are counted, too.
COUNTED = {
    "loss scaling": STEPS,
    "own step of two updates": 2 * (STEPS + 1),
    "own step of two updates, a tf.function": 2 * (STEPS + 1),
    "eager": STEPS,
    "steps_per_execution": STEPS,
}


def of_unknown_size() -> Any:
    rows = tf.data.Dataset.from_tensor_slices((table(), classes()))
    return rows.filter(lambda x, y: True).batch(BATCH)


def trained(name: str, callbacks: list[Any]) -> Any:
    keras.utils.set_random_seed(3)
    model = MODELS[name]()
    model.fit(of_unknown_size(), epochs=EPOCHS, verbose=0, shuffle=False, callbacks=callbacks)
    return model


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("name", MODELS)
def test_all_is_written_as_when_nobody_watches(name: str, tmp_path: Path) -> None:
    bare, model = trained(name, []), trained(name, [watch_in(tmp_path)])
    counted = EPOCHS * COUNTED.get(name, STEPS + 1)
    assert (bare.optimizer.iterations.numpy(), model.optimizer.iterations.numpy()) == (counted, counted)
    assert differing(state_of(model), state_of(bare)) == []
    run = only_run(tmp_path)
    assert (run.info.errors, run.info.incident, run.fits[0].info.steps) == ((), None, EPOCHS * STEPS)
