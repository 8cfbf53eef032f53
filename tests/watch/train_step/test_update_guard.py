"""After an incident the model is what it was before the bad step, to the last bit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nanwatch
from nanwatch.record.events import IncidentSeen
from nanwatch.record.run import Run
from tests.watch.model_kinds import (
    BATCH,
    OwnCompiledStep,
    OwnLoss,
    OwnStep,
    Subclassed,
    classes,
    compiled,
    metrics_of,
    mlp,
    own,
    state_of,
    table,
)
from tests.watch.training import differing, far_apart, only_run, watch_in

pytestmark = pytest.mark.tensorflow

GOOD, ROW = 5, 7  # batches before the bad one, and the bad row in it
XLA_TOLERANCE = 1e-5


def half() -> Any:
    """Some processors turn NaN into numbers in half precision (relu, a sigmoid): the loss would be finite."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        layers = (keras.layers.Dense(16, "tanh"), keras.layers.BatchNormalization())
        head = keras.layers.Dense(1, "sigmoid", dtype="float32")
        return compiled(keras.Sequential([keras.Input((8,)), *layers, head]))
    finally:
        keras.mixed_precision.set_global_policy("float32")


MODELS: dict[str, Callable[[], Any]] = {
    "graph": mlp,
    "subclassed": lambda: compiled(Subclassed()),
    "steps_per_execution": lambda: mlp(steps_per_execution=4),
    "run_eagerly": lambda: mlp(run_eagerly=True),
    "own step": lambda: own(OwnStep),
    "own step, a tf.function": lambda: own(OwnCompiledStep),
    "own step without compute_loss": lambda: own(OwnLoss),
    "accumulation, EMA and clipnorm": lambda: mlp(
        keras.optimizers.Adam(gradient_accumulation_steps=3, use_ema=True, clipnorm=1.0)
    ),
    "mixed_float16": half,
    "XLA": lambda: mlp(jit_compile=True),
    "XLA, steps_per_execution": lambda: mlp(jit_compile=True, steps_per_execution=4),
}
XLA = [name for name in MODELS if name.startswith("XLA")]


def with_nan() -> Any:
    x = table()
    x[GOOD * BATCH + ROW, 2] = np.nan
    return x


def fitted(make: Callable[[], Any], x: Any, callbacks: list[Any] | None = None) -> Any:
    """The model after its ``fit``, or after what ended it."""
    keras.utils.set_random_seed(3)
    model = make()
    fit_on(model, x, callbacks or [])
    return model


def fit_on(model: Any, x: Any, callbacks: list[Any]) -> None:
    try:
        model.fit(x, classes()[: len(x)], shuffle=False, batch_size=BATCH, verbose=0, callbacks=callbacks)
    except nanwatch.TrainingHalted:
        assert callbacks


class Halted:
    """A model that was halted, one that had only the good batches, and the run."""

    def __init__(self, name: str, folder: Path) -> None:
        self.bare = fitted(MODELS[name], table()[: GOOD * BATCH])
        self.model = fitted(MODELS[name], with_nan(), [watch_in(folder)])
        self.run: Run = only_run(folder)


@pytest.fixture(scope="module", params=MODELS)
def halted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Halted]:
    return request.param, Halted(request.param, tmp_path_factory.mktemp("halted"))


def test_nothing_of_the_bad_step_is_left(halted: tuple[str, Halted]) -> None:
    """Weights, moving statistics, seeds, the optimizer's slots and its count of steps."""
    name, found = halted
    if name.startswith("accumulation"):
        return  # at its end a fit writes the averages into the weights, and a halted one does not end
    if name in XLA:
        assert far_apart(state_of(found.model), state_of(found.bare), XLA_TOLERANCE) == []
    else:
        assert differing(state_of(found.model), state_of(found.bare)) == []


def test_the_metrics_are_those_of_the_good_batches(halted: tuple[str, Halted]) -> None:
    name, found = halted
    tolerance = XLA_TOLERANCE if name in XLA else 0.0
    assert far_apart(metrics_of(found.model), metrics_of(found.bare), tolerance) == []


def test_the_incident(halted: tuple[str, Halted]) -> None:
    name, found = halted
    incident = found.run.info.incident
    assert incident is not None
    assert (incident.step, incident.epoch, incident.role, incident.path, incident.value) == (
        GOOD,
        0,
        "input",
        "0",
        "nan",
    )
    assert (incident.frozen, incident.action) == (True, "raise")
    assert incident.rows == (None if name == "own step, a tf.function" else BATCH)
    (batch,) = incident.batch.inputs
    assert (batch.rows, batch.num_nan, batch.bad_rows) == (BATCH, 1, (ROW,))
    assert batch.columns[2].num_nan == 1


def test_the_record_of_a_halted_run(halted: tuple[str, Halted]) -> None:
    _, found = halted
    assert found.run.info.errors == ()
    assert found.run.info.status == "halted"
    (fit,) = found.run.fits
    assert fit.info.status == "halted"
    losses = fit.losses()
    assert [step for step, _ in losses[: GOOD + 1]] == list(range(GOOD + 1))
    assert all(np.isfinite(loss) for _, loss in losses[:GOOD])
    (event,) = [event for event in fit.events if isinstance(event, IncidentSeen)]
    assert event.step == GOOD


def test_accumulated_gradients_and_averages_are_held(tmp_path: Path) -> None:
    make = MODELS["accumulation, EMA and clipnorm"]
    bare = fitted(make, table()[: GOOD * BATCH], [Unfinished()])
    model = fitted(make, with_nan(), [watch_in(tmp_path)])
    assert differing(state_of(model), state_of(bare)) == []


class Unfinished(keras.callbacks.Callback):
    """Keeps a fit from writing the averages into the weights at its end."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.model.optimizer.finalize_variable_values = lambda variables: None


@pytest.mark.parametrize("name", ["graph", "run_eagerly", "own step, a tf.function", "steps_per_execution"])
def test_the_training_goes_on_from_there(name: str, tmp_path: Path) -> None:
    """The batch mended, fit is called again: as if it had never been bad."""
    rest = table()[GOOD * BATCH :]
    bare = fitted(MODELS[name], table()[: GOOD * BATCH])
    fit_on(bare, rest, [])
    watch = watch_in(tmp_path)
    model = fitted(MODELS[name], with_nan(), [watch])
    fit_on(model, rest, [watch_in(tmp_path / "again")])
    assert differing(state_of(model), state_of(bare)) == []
    again = only_run(tmp_path / "again")
    assert (again.info.incident, again.info.status, again.info.errors) == (None, "finished", ())
    assert again.fits[0].info.steps == len(rest) // BATCH


def root(y: Any, y_pred: Any) -> Any:
    """Its derivative at 0 is infinite, and 0 times that is NaN: the loss is finite."""
    return keras.ops.mean(keras.ops.sqrt(keras.ops.square(y_pred[:, 0] * y)))


@pytest.mark.parametrize(
    "how", [{}, {"run_eagerly": True}, {"steps_per_execution": 4}, {"jit_compile": True}]
)
def test_a_gradient_that_is_bad_behind_a_finite_loss(how: dict[str, Any], tmp_path: Path) -> None:
    def make() -> Any:
        model = keras.Sequential([keras.Input((8,)), layers.Dense(4, "tanh"), layers.Dense(1)])
        model.compile("adam", root, **how)
        return model

    y = np.ones(len(table()), "float32")
    y[GOOD * BATCH + ROW] = 0.0
    keras.utils.set_random_seed(3)
    bare = make()
    good = GOOD * BATCH
    bare.fit(table()[:good], y[:good], shuffle=False, batch_size=BATCH, verbose=0)
    keras.utils.set_random_seed(3)
    model = make()
    with pytest.raises(nanwatch.TrainingHalted, match=r"gradient .* became nan at step 5 "):
        model.fit(table(), y, shuffle=False, batch_size=BATCH, verbose=0, callbacks=[watch_in(tmp_path)])
    tolerance = XLA_TOLERANCE if "jit_compile" in how else 0.0
    assert far_apart(state_of(model), state_of(bare), tolerance) == []
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.step, incident.role, incident.value) == (GOOD, "gradient", "nan")
    assert incident.loss is not None
    assert np.isfinite(incident.loss)
    assert incident.op is not None
    assert (incident.op.type, incident.op.direction) == ("SqrtGrad", "backward")
    assert incident.op.location is not None
    assert "keras.ops.sqrt" in incident.op.location.code


@pytest.mark.parametrize("large", [1e21, 1e38])
def test_large_is_not_bad(large: float, tmp_path: Path) -> None:
    """Gradients whose squares overflow, with a rate that fits them."""

    def make() -> Any:
        model = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
        model.compile(
            keras.optimizers.SGD(1e-2 / large), lambda y, p: keras.ops.mean(abs(y - p[:, 0])) * large / 8
        )
        return model

    bare = fitted(make, table())
    model = fitted(make, table(), [watch_in(tmp_path)])
    assert differing(state_of(model), state_of(bare)) == []
    run = only_run(tmp_path)
    assert (run.info.incident, run.info.errors) == (None, ())
    path = model.trainable_variables[0].path
    assert all(np.isinf(norm) for _, norm in run.fits[0].steps.values("gradient", path, "l2_norm"))


def test_a_step_that_loss_scaling_skips_is_healthy(tmp_path: Path) -> None:
    """The first loss scale is 2**15: gradients overflow in half precision until it has been halved enough."""

    def make() -> Any:
        keras.mixed_precision.set_global_policy("mixed_float16")
        try:
            model = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(1, dtype="float32")])
        finally:
            keras.mixed_precision.set_global_policy("float32")
        model.compile("adam", "mse")
        return model

    x = table() * 100
    bare = fitted(make, x)
    scale = float(bare.optimizer.dynamic_scale)
    assert scale < 2**15  # steps were skipped
    model = fitted(make, x, [watch_in(tmp_path)])
    assert differing(state_of(model), state_of(bare)) == []
    assert only_run(tmp_path).info.incident is None


def test_weights_that_are_bad_before_the_first_step(tmp_path: Path) -> None:
    def make() -> Any:
        model = mlp()
        model.layers[0].bias.assign(np.full(16, np.nan, "float32"))
        return model

    model = fitted(make, table(), [watch_in(tmp_path)])
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.step, incident.role, incident.path) == (0, "weight", model.layers[0].bias.path)


def test_an_update_that_overflows(tmp_path: Path) -> None:
    """Gradients are finite, the weights after them are not: told, though no weight can be saved."""
    model = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e38), "mse")
    with pytest.raises(nanwatch.TrainingHalted):
        model.fit(table() * 100, classes(), batch_size=BATCH, verbose=0, callbacks=[watch_in(tmp_path)])
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert run.info.incident is not None
    assert run.info.incident.role in ("weight", "loss", "output", "activation")


@functools.cache
def after_good_batches() -> Any:
    return fitted(mlp, table()[: GOOD * BATCH])


@pytest.mark.parametrize("place", ["label", "sample_weight"])
def test_what_else_of_a_batch_can_be_bad(place: str, tmp_path: Path) -> None:
    bare = after_good_batches()
    keras.utils.set_random_seed(3)
    model = mlp()
    y, weight = classes(), np.ones(len(table()), "float32")
    (y if place == "label" else weight)[GOOD * BATCH + ROW] = np.inf
    given = {} if place == "label" else {"sample_weight": weight}
    with pytest.raises(nanwatch.TrainingHalted, match=f"{place} 0 became inf"):
        model.fit(
            table(), y, shuffle=False, batch_size=BATCH, verbose=0, callbacks=[watch_in(tmp_path)], **given
        )
    assert differing(state_of(model), state_of(bare)) == []
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.role, incident.path, incident.value, incident.step) == (place, "0", "inf", GOOD)
    assert incident.loss is not None
    assert not np.isfinite(incident.loss)
    assert not np.isfinite(only_run(tmp_path).fits[0].losses()[GOOD][1])


def test_a_masked_nan_is_no_incident(tmp_path: Path) -> None:
    """The NaN of a column that the model never uses."""

    def make() -> Any:
        inputs = keras.Input((8,))
        used = layers.Lambda(lambda x: tf.where(tf.math.is_finite(x), x, 0.0))(inputs)
        return compiled(keras.Model(inputs, layers.Dense(1, "sigmoid")(used)))

    bare = fitted(make, with_nan())
    model = fitted(make, with_nan(), [watch_in(tmp_path)])
    assert differing(state_of(model), state_of(bare)) == []
    assert only_run(tmp_path).info.incident is None
