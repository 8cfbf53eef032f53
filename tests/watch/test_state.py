"""State that no gradient reaches and that goes bad alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nanwatch.errors import TrainingHalted
from nanwatch.record.run import Run
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow

STEPS = 40  # two epochs of 20
MOVING = "moving_variance"


class Spoil(keras.callbacks.Callback):  # type: ignore[misc]
    """Puts NaN into a moving statistic, which training does not read."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.seen == self.step:
            self.model.layers[1].moving_variance.assign(np.full(6, np.nan))
        self.seen += 1


class Masked(keras.layers.Layer):  # type: ignore[misc]
    """Holds a mask of -inf, as attention does, and masks nothing."""

    def build(self, shape: Any) -> None:
        self.mask = self.add_weight(
            shape=(6,), initializer=keras.initializers.Constant(-np.inf), trainable=False
        )

    def call(self, x: Any) -> Any:
        return keras.ops.where(keras.ops.isfinite(self.mask), self.mask, x)


def model_with(*layers: Any, **compiled: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse", **compiled)
    return model


def fitted(model: Any, folder: Path, *callbacks: Any, on_incident: str = "raise") -> Run:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(160, 4)), rng.normal(size=160)
    try:
        model.fit(
            x, y, batch_size=8, epochs=2, verbose=0, callbacks=[watch_in(folder, on_incident), *callbacks]
        )
    except TrainingHalted:
        assert on_incident == "raise"
    return only_run(folder)


@pytest.mark.parametrize("compiled", [{}, {"run_eagerly": True}, {"jit_compile": True}])
def test_a_statistic_that_turns_nan_is_an_incident(compiled: dict[str, Any], tmp_path: Path) -> None:
    run = fitted(model_with(keras.layers.BatchNormalization(), **compiled), tmp_path, Spoil(10))
    incident = run.info.incident
    assert incident is not None
    assert (incident.role, incident.value, incident.frozen) == ("weight", "nan", False)
    assert incident.path.endswith(MOVING)
    assert 10 < incident.step < STEPS - 1
    assert run.fits[0].info.status == "halted"
    assert any(f"was finite when it was looked at in step {last}" in incident.notes[-1] for last in range(11))


def test_what_the_last_steps_spoil_is_told_at_the_end(tmp_path: Path) -> None:
    run = fitted(model_with(keras.layers.BatchNormalization()), tmp_path, Spoil(STEPS - 1))
    incident = run.info.incident
    assert incident is not None
    assert incident.path.endswith(MOVING)
    assert incident.step == STEPS - 1
    assert run.fits[0].info.status == "finished"


def test_a_training_that_goes_on_tells_it_once(tmp_path: Path) -> None:
    model = model_with(keras.layers.BatchNormalization())
    run = fitted(model, tmp_path, Spoil(10), on_incident="continue")
    assert run.info.incident is not None
    assert run.fits[0].info.steps == STEPS


@pytest.mark.parametrize("layer", [keras.layers.BatchNormalization, Masked])
def test_sound_state_and_a_mask_of_infinities_are_none(layer: Any, tmp_path: Path) -> None:
    run = fitted(model_with(layer()), tmp_path)
    assert run.info.incident is None
    assert run.info.errors == ()
    assert run.fits[0].info.steps == STEPS
