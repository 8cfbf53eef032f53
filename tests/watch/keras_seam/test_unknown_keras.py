"""Where Keras lacks what the adapter bets on, the script's trainings go on as under python, and it is said
that they were not watched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.explain.headline import headline
from nanwatch.explain.reporting import report_on
from nanwatch.record.notes import SeamMissing
from nanwatch.watch import import_hook
from nanwatch.watch.keras_seam import adapter, seams
from nanwatch.watch.keras_seam.keras3 import Keras3
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.seams import Taker, is_there, missing_seams, take
from nanwatch.watch.recording.run_recorder import RunRecorder

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = (X.sum(axis=1, keepdims=True) > 0).astype("float32")
NAMES = [name for name in vars(Keras3) if not name.startswith("_")]


class OwnStep(keras.Model):
    """A model with a ``train_step`` of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = small()

    def call(self, x: Any, training: bool = False) -> Any:
        return self.inner(x, training=training)

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return {"loss": loss}


def small() -> Any:
    given = keras.Input((4,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4, activation="relu")(given))
    return keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(x))


def fit() -> Any:
    model = small()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, batch_size=8, epochs=2, validation_split=0.25, verbose=0)
    model.train_on_batch(X, Y)
    return model


def fit_own_step() -> Any:
    model = OwnStep()
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=8, verbose=0)
    return model


def loop(compiled: bool) -> Any:
    model, optimizer, loss = small(), keras.optimizers.SGD(0.1), keras.losses.BinaryCrossentropy()

    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step = tf.function(step) if compiled else step
    for _ in range(4):
        step(tf.constant(X), tf.constant(Y))
    return model


def train() -> list[Any]:
    """The weights of trainings of each kind."""
    keras.utils.set_random_seed(7)
    models = [fit(), fit_own_step(), loop(compiled=False), loop(compiled=True)]
    return [value for model in models for value in model.get_weights()]


@pytest.fixture(scope="module")
def bare() -> list[Any]:
    return train()


def gone(*args: object, **kwargs: object) -> Any:
    raise AttributeError("it is gone")


def train_watched(folder: Path, before: Callable[[], None]) -> tuple[list[Any], Any]:
    """The weights, and the report; ``before`` the script's Keras is there something is missing of it."""
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    before()
    with recorder.catch_errors("taking Keras's seams"):
        import_hook.take_seams(keras, recorder, "raise")
    weights = train()
    recorder.end("finished", 0)
    return weights, report_on(recorder.folder)


# What the whole of a training rests on, and what is asked where no other error was caught once.
@pytest.mark.parametrize(
    "names",
    [
        NAMES,
        ["layers_of"],
        ["flatten_with_path"],
        ["is_compiled_by_xla"],
        ["fit_arguments"],
        ["output_names"],
        ["steps_per_execution"],
        ["make_without_xla"],
        ["is_built"],
    ],
    ids=lambda names: "all" if names == NAMES else " ".join(names),
)
def test_a_private_name_is_gone(
    names: list[str], bare: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose() -> None:
        for name in names:
            monkeypatch.setattr(Keras3, name, gone)

    weights, report = train_watched(tmp_path, lose)
    assert all((one == other).all() for one, other in zip(weights, bare, strict=True))
    assert report.run.info.errors or report.missing_seams()
    assert headline(report).tone == "open", report.diagnoses
    if names == NAMES:
        assert report.is_blind()
        assert report.diagnoses.outcome == "no-training"


def test_the_adapter_cannot_be_imported(
    bare: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose() -> None:
        whole = adapter.seam
        for module in list(sys.modules.values()):
            if vars(module).get("seam") is whole:
                monkeypatch.setattr(module, "seam", gone)

    weights, report = train_watched(tmp_path, lose)
    assert all((one == other).all() for one, other in zip(weights, bare, strict=True))
    assert report.is_blind()


def test_a_seam_is_gone(bare: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are taken, and what is not seen for want of it is said."""
    path = "keras.optimizers.LossScaleOptimizer.apply"

    def lose() -> None:
        monkeypatch.setattr(seams, "is_there", lambda row: is_there(row) and row.path != path)

    weights, report = train_watched(tmp_path, lose)
    assert all((one == other).all() for one, other in zip(weights, bare, strict=True))
    assert report.run.info.not_watched == (SeamMissing(path, "loops"), SeamMissing(path, "steps"))
    assert report.run.info.errors == ()
    assert report.steps() == 6 + 1 + 4 + 8
    assert headline(report).tone == "open"


def test_this_keras_has_them_all() -> None:
    assert missing_seams() == []


def test_what_is_missing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seams, "is_there", lambda row: is_there(row) and row.name != "train_on_batch")
    with Patches() as patches:
        take(patches, Taker.FITS, {"keras.Model.fit": len, "keras.Model.train_on_batch": len})
        assert [place.name for place in patches.entries] == ["fit"]  # type: ignore[attr-defined]
    assert missing_seams() == [SeamMissing("keras.Model.train_on_batch", "fits")]
