"""The metrics that a training step of the script's own does not update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.diagnose.engine import diagnose
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow


class Restoring(keras.Model):
    """Two trackers, of which a training step updates those that are ``kept``, and a validation both."""

    def __init__(self, kept: tuple[str, ...], **given: Any) -> None:
        super().__init__(**given)
        self.kept = kept
        self.dense = keras.layers.Dense(3)
        self.trackers = [keras.metrics.Mean(name="far"), keras.metrics.Mean(name="near")]

    @property
    def metrics(self) -> list[Any]:
        return self.trackers

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def losses_of(self, x: Any) -> dict[str, Any]:
        apart = self(x, training=True) - x
        return {"far": tf.reduce_mean(tf.square(apart)), "near": tf.reduce_mean(tf.abs(apart))}

    def track(self, losses: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        for tracker in self.trackers:
            if tracker.name in names:
                tracker.update_state(losses[tracker.name])
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def train_step(self, x: Any) -> Any:
        with tf.GradientTape() as tape:
            losses = self.losses_of(x)
        gradients = tape.gradient(losses["far"], self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self.track(losses, self.kept)

    def test_step(self, x: Any) -> Any:
        return self.track(self.losses_of(x), ("far", "near"))


def data() -> Any:
    x = np.random.default_rng(1).normal(size=(64, 3)).astype("float32")
    return tf.data.Dataset.from_tensor_slices(x).batch(16)


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize(
    ("kept", "idle", "level"),
    [((), ("far", "near"), "warning"), (("far",), ("near",), "note"), (("far", "near"), (), None)],
)
def test_metrics_that_no_step_updates(
    kept: tuple[str, ...], idle: tuple[str, ...], level: str | None, validated: bool, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    model = Restoring(kept)
    model.compile("adam")
    held = data() if validated else None
    given = {"validation_data": held, "shuffle": False, "verbose": 0, "callbacks": [watch_in(tmp_path)]}
    history = model.fit(data(), epochs=3, **given)
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert run.fits[0].info.idle_metrics == idle
    assert all((history.history[name] == [0.0] * 3) == (name in idle) for name in ("far", "near"))
    found = [each for each in diagnose(run).diagnoses if each.code == "NW604"]
    assert [each.message for each in found] == (
        []
        if level is None
        else [
            f"The printed {' and '.join(idle)} {'is' if len(idle) == 1 else 'are'} 0.0 in 3 epochs: no "
            f"training step updates {'a metric of that name' if len(idle) < 2 else 'metrics of those names'}."
        ]
    )
    assert any("in validation, which does" in text for each in found for text in each.evidence) is (
        validated and bool(idle)
    )


def test_the_metrics_of_keras_own_step_are_not_looked_at(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    x = np.zeros((16, 3), np.float32)
    model.fit(x, x[:, :1], verbose=0, callbacks=[watch_in(tmp_path)])
    assert only_run(tmp_path).fits[0].info.idle_metrics == ()
