"""What regularisers and ``add_loss`` put on top of the loss of the data, step by step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, regularizers

from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.diagnose.engine import diagnose
from nanwatch.record.run import Fit, Run
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow

ROWS = 640
WEIGHT = 0.1  # of every element of the kernel, 8 x 4


def table() -> tuple[Any, Any]:
    x = np.random.default_rng(5).normal(size=(ROWS, 8)).astype("float32")
    return x, (x[:, :1] + x[:, 1:2] > 0).astype("float32")


class Added(layers.Layer):
    factor = 3.0

    def call(self, x: Any) -> Any:
        self.add_loss(self.factor * keras.ops.mean(keras.ops.square(x)))
        return x


ALIKE = keras.initializers.Constant(WEIGHT)


def net(behind: Any = None, start: Any = ALIKE, **given: Any) -> Any:
    """A model with ``given`` for its first layer, whose weights begin at ``start``."""
    model = keras.Sequential([keras.Input((8,))])
    model.add(layers.Dense(4, kernel_initializer=start, name="first", **given))
    if behind is not None:
        model.add(behind)
    model.add(layers.Dense(1, "sigmoid"))
    return model


def fitted(model: Any, folder: Path, epochs: int = 1, **compiled: Any) -> Run:
    x, y = table()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], **compiled)
    model.fit(x, y, epochs=epochs, shuffle=False, verbose=0, callbacks=[watch_in(folder)])
    run = only_run(folder)
    assert run.info.errors == ()
    return run


def first_output() -> Any:
    """What the first layer gives for the first batch, before any update."""
    return table()[0][:32].astype("float64") @ np.full((8, 4), WEIGHT)


CASES: dict[str, tuple[Callable[[], Any], Callable[[], float]]] = {
    "L2": (lambda: net(kernel_regularizer=regularizers.L2(2.0)), lambda: 2.0 * 32 * WEIGHT**2),
    "L1": (lambda: net(kernel_regularizer=regularizers.L1(2.0)), lambda: 2.0 * 32 * WEIGHT),
    "L1L2": (
        lambda: net(kernel_regularizer=regularizers.L1L2(1.0, 2.0)),
        lambda: 32 * WEIGHT + 2.0 * 32 * WEIGHT**2,
    ),
    "two of one layer": (
        lambda: net(kernel_regularizer=regularizers.L2(2.0), bias_regularizer=regularizers.L2(1.0)),
        lambda: 2.0 * 32 * WEIGHT**2,
    ),
    "a function of the script's": (
        lambda: net(kernel_regularizer=lambda weight: 5.0 * tf.reduce_max(weight)),
        lambda: 5.0 * WEIGHT,
    ),
    "orthogonal": (
        lambda: net(kernel_regularizer=regularizers.OrthogonalRegularizer(2.0)),
        lambda: 2.0 * 1.0,  # every pair of rows has the cosine 1
    ),
    "activity": (
        lambda: net(activity_regularizer=regularizers.L2(2.0)),
        lambda: 2.0 * float(np.square(first_output()).sum()) / 32,
    ),
    "add_loss": (lambda: net(Added()), lambda: 3.0 * float(np.square(first_output()).mean())),
}
SERIALIZED = "ignore:The object being serialized includes a `lambda`:UserWarning"


@pytest.mark.filterwarnings(SERIALIZED)
@pytest.mark.parametrize("name", CASES)
def test_the_penalty_of_the_first_step(name: str, tmp_path: Path) -> None:
    make, expected = CASES[name]
    (fit,) = fitted(make(), tmp_path).fits
    assert fit.steps.first_values("penalty")[0] == pytest.approx(expected(), rel=1e-4)


def data_losses(fit: Fit) -> list[float]:
    losses = [loss for _, loss in fit.losses()]
    penalties = [penalty for _, penalty in fit.steps.values("penalty")]
    return [loss - penalty for loss, penalty in zip(losses, penalties, strict=True)]


def test_what_is_left_is_the_loss_of_the_data(tmp_path: Path) -> None:
    """Of a rate of 0, so that the model stays as it is."""
    model, (x, y) = net(kernel_regularizer="l2", activity_regularizer="l1"), table()
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
    model.fit(x, y, shuffle=False, verbose=0, callbacks=[watch_in(tmp_path)])
    (fit,) = only_run(tmp_path).fits
    measure = keras.losses.BinaryCrossentropy()
    expected = [float(measure(y[i : i + 32], model(x[i : i + 32]))) for i in range(0, ROWS, 32)]
    assert data_losses(fit) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "compiled", [{"jit_compile": True}, {"steps_per_execution": 5}, {"run_eagerly": True}, {}]
)
def test_however_the_step_is_compiled(compiled: dict[str, Any], tmp_path: Path) -> None:
    (fit,) = fitted(net(kernel_regularizer=regularizers.L1(2.0)), tmp_path, **compiled).fits
    penalties = [penalty for _, penalty in fit.steps.values("penalty")]
    assert len(penalties) == 20
    assert penalties[0] == pytest.approx(2.0 * 32 * WEIGHT, rel=1e-4)
    assert penalties[-1] < 0.95 * penalties[0]


class OwnLoss(keras.Model):
    """Makes of the compiled loss what it likes."""

    def compute_loss(self, *args: Any, **given: Any) -> Any:
        return 20.0 * super().compute_loss(*args, **given)


def of_own_loss() -> Any:
    bare = net()
    return OwnLoss(bare.inputs, bare.outputs)


@pytest.mark.parametrize("make", [net, of_own_loss])
def test_no_penalty_no_column(make: Callable[[], Any], tmp_path: Path) -> None:
    (fit,) = fitted(make(), tmp_path).fits
    assert not fit.steps.has_column("penalty")


def test_of_a_frozen_layer_keras_leaves_the_penalty_out(tmp_path: Path) -> None:
    model = net(kernel_regularizer="l2")
    model.layers[0].trainable = False
    run = fitted(model, tmp_path)
    assert not run.fits[0].steps.has_column("penalty")
    assert diagnose(run).rules_not_run == ()


def started(behind: Any = None, **given: Any) -> Any:
    keras.utils.set_random_seed(4)
    return net(behind, "glorot_uniform", **given)


class Heavy(Added):
    factor = 60.0


HEAVY: dict[str, tuple[Callable[[], Any], str | None]] = {
    "L1": (lambda: started(kernel_regularizer=regularizers.L1(5.0)), "first"),
    "activity": (lambda: started(activity_regularizer=regularizers.L2(50.0)), "first"),
    "add_loss, which no config tells": (lambda: started(Heavy()), None),
}
LIGHT: dict[str, Callable[[], Any]] = {
    "L1": lambda: started(kernel_regularizer=regularizers.L1(1e-3)),
    "activity": lambda: started(activity_regularizer=regularizers.L2(1e-3)),
    "orthogonal": lambda: started(kernel_regularizer=regularizers.OrthogonalRegularizer(0.1)),
}


def told(run: Run) -> list[Diagnosis]:
    """Without the note that eight epochs are few."""
    return [found for found in diagnose(run).diagnoses if found.code != "NW509"]


@pytest.mark.parametrize("name", HEAVY)
def test_penalties_that_outweigh_the_data(name: str, tmp_path: Path) -> None:
    make, layer = HEAVY[name]
    found = told(fitted(make(), tmp_path, epochs=8))
    assert [(one.code, one.level) for one in found] == [("NW504", "error")]
    assert (found[0].layer or "").split("/")[-1] == (layer or "")


@pytest.mark.parametrize("name", LIGHT)
def test_penalties_that_let_the_data_be_learned(name: str, tmp_path: Path) -> None:
    assert told(fitted(LIGHT[name](), tmp_path, epochs=8)) == []
