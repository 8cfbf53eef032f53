"""Steps of the script's own with more than one update: all of them are taken back with the bad one."""

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
from tests.watch.model_kinds import BATCH, OwnStep, classes, own, state_of, table
from tests.watch.training import differing, far_apart, only_run, watch_in

pytestmark = pytest.mark.tensorflow

GOOD, ROW, WIDE = 5, 3, 4  # batches before the bad one, the bad row in it, numbers of noise


def mean(*values: Any) -> Any:
    return sum(tf.reduce_mean(value) for value in values)


class Gan(keras.Model):
    """Two optimizers in turns. The generator's loss alone weighs its rows with the data's last column."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = keras.Sequential(
            [keras.Input((WIDE,)), layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dense(7)]
        )
        self.discriminator = keras.Sequential(
            [keras.Input((7,)), layers.Dense(8, "relu"), layers.Dropout(0.2), layers.Dense(1)]
        )
        self.noise = keras.random.SeedGenerator(7)
        self.g_loss = keras.metrics.Mean(name="g_loss")
        self.d_loss = keras.metrics.Mean(name="d_loss")

    def compile(self, d_optimizer: Any, g_optimizer: Any, **given: Any) -> None:
        super().compile(**given)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer

    @property
    def metrics(self) -> list[Any]:
        return [self.d_loss, self.g_loss]

    def latent(self, data: Any) -> Any:
        return keras.random.normal((tf.shape(data)[0], WIDE), seed=self.noise)

    def update_discriminator(self, real: Any) -> Any:
        with tf.GradientTape() as tape:
            on_fake = self.discriminator(self.generator(self.latent(real)), training=True)
            loss = mean(tf.nn.softplus(-self.discriminator(real, training=True)), tf.nn.softplus(on_fake))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    def update_generator(self, data: Any) -> Any:
        with tf.GradientTape() as tape:
            on_fake = self.discriminator(self.generator(self.latent(data), training=True))
            loss = mean(tf.nn.softplus(-on_fake) * data[:, -1:])
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    def train_step(self, data: Any) -> Any:
        self.d_loss.update_state(self.update_discriminator(data[:, :-1]))
        self.g_loss.update_state(self.update_generator(data))
        return {metric.name: metric.result() for metric in self.metrics}


class EagerForDiscriminator(Gan):
    """Three updates by one optimizer before the other's, as where gradients are penalised."""

    def train_step(self, data: Any) -> Any:
        for _ in range(3):
            self.d_loss.update_state(self.update_discriminator(data[:, :-1]))
        self.g_loss.update_state(self.update_generator(data))
        return {metric.name: metric.result() for metric in self.metrics}


class CompiledGan(Gan):
    @tf.function
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class WithOptimizersElsewhere(Gan):
    """The optimizers are not the model's."""

    def compile(self, d_optimizer: Any, g_optimizer: Any, **given: Any) -> None:
        super().compile(None, None, **given)
        self.held = (lambda: d_optimizer), (lambda: g_optimizer)

    @property
    def d_optimizer(self) -> Any:
        return self.held[0]()

    @d_optimizer.setter
    def d_optimizer(self, value: Any) -> None:
        pass

    @property
    def g_optimizer(self) -> Any:
        return self.held[1]()

    @g_optimizer.setter
    def g_optimizer(self, value: Any) -> None:
        pass


class TwiceTheSame(OwnStep):
    """A step of ordinary size, and a second one on the rows' own weights."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        logs = super().train_step((x, y[:, 0]))
        with tf.GradientTape() as tape:
            loss = mean(tf.square(self(x, training=True)) * y[:, 1:])
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return logs


def gan(cls: type[Gan] = Gan, **given: Any) -> Any:
    model = cls()
    model.compile(keras.optimizers.Adam(1e-2), keras.optimizers.RMSprop(1e-2), **given)
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "two optimizers": gan,
    "two optimizers, eager": lambda: gan(run_eagerly=True),
    "two optimizers, XLA": lambda: gan(jit_compile=True),
    "two optimizers, steps_per_execution": lambda: gan(steps_per_execution=4),
    "two optimizers, a tf.function": lambda: gan(CompiledGan),
    "two optimizers, a tf.function, eager": lambda: gan(CompiledGan, run_eagerly=True),
    "two optimizers of nobody": lambda: gan(WithOptimizersElsewhere),
    "one of two three times": lambda: gan(EagerForDiscriminator),
    "one optimizer twice": lambda: own(TwiceTheSame),
}
XLA = "two optimizers, XLA"
TOLERANCE = 1e-5


def data(name: str, bad: bool) -> tuple[Any, Any]:
    """Weighed rows, one weight NaN; for the model with one optimizer they stand beside the labels."""
    x = table()
    weight = np.ones(len(x), "float32")
    if bad:
        weight[GOOD * BATCH + ROW] = np.nan
    if name == "one optimizer twice":
        return x, np.stack([classes(), weight], axis=1)
    x[:, -1] = weight
    return x, None


def fit(model: Any, name: str, bad: bool, callbacks: list[Any], rows: slice = slice(None)) -> None:
    x, y = data(name, bad)
    given = {} if y is None else {"y": y[rows]}
    model.fit(x[rows], shuffle=False, batch_size=BATCH, verbose=0, callbacks=callbacks, **given)


def whole_state(model: Any) -> list[Any]:
    optimizers = [getattr(model, name) for name in ("d_optimizer", "g_optimizer") if hasattr(model, name)]
    found = [variable.numpy() for optimizer in optimizers for variable in optimizer.variables]
    if model.optimizer is not None:
        return found + state_of(model)
    return found + [variable.numpy() for variable in model.variables]


def made(name: str) -> Any:
    keras.utils.set_random_seed(3)
    return MODELS[name]()


@functools.cache
def bare_states(name: str) -> tuple[list[Any], list[Any]]:
    """What nobody watched, after the good batches and after all of healthy data."""
    model = made(name)
    fit(model, name, False, [], slice(GOOD * BATCH))
    after_good = whole_state(model)
    fit(model, name, False, [], slice(GOOD * BATCH, None))
    return after_good, whole_state(model)


@pytest.mark.parametrize("name", MODELS)
def test_a_healthy_training_is_the_same(name: str, tmp_path: Path) -> None:
    _, bare = bare_states(name)
    model = made(name)
    fit(model, name, False, [watch_in(tmp_path)])
    run = only_run(tmp_path)
    assert (run.info.errors, run.info.incident) == ((), None)
    assert far_apart(whole_state(model), bare, TOLERANCE if name == XLA else 0.0) == []


@pytest.mark.parametrize("name", MODELS)
def test_the_updates_before_the_bad_one_are_taken_back(name: str, tmp_path: Path) -> None:
    bare, _ = bare_states(name)
    model = made(name)
    with pytest.raises(nanwatch.TrainingHalted, match="at step 5"):
        fit(model, name, True, [watch_in(tmp_path)])
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert far_apart(whole_state(model), bare, TOLERANCE if name == XLA else 0.0) == []
    incident = run.info.incident
    assert incident is not None
    assert (incident.step, incident.frozen) == (GOOD, True)
    assert incident.value == "nan"
    assert run.fits[0].info.steps >= GOOD


def test_the_first_update_is_the_bad_one(tmp_path: Path) -> None:
    """What follows it in the step is not made either."""
    x = data("two optimizers", False)[0]
    x[GOOD * BATCH + ROW, 0] = np.inf
    bare = made("two optimizers")
    bare.fit(x[: GOOD * BATCH], shuffle=False, batch_size=BATCH, verbose=0)
    model = made("two optimizers")
    with pytest.raises(nanwatch.TrainingHalted, match="at step 5"):
        model.fit(x, shuffle=False, batch_size=BATCH, verbose=0, callbacks=[watch_in(tmp_path)])
    assert differing(whole_state(model), whole_state(bare)) == []


def test_continue_is_as_if_nobody_watched(tmp_path: Path) -> None:
    name = "two optimizers"
    bare = made(name)
    fit(bare, name, True, [])
    model = made(name)
    fit(model, name, True, [watch_in(tmp_path, "continue")])
    assert any(np.isnan(array).any() for array in whole_state(bare))
    assert differing(whole_state(model), whole_state(bare)) == []
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.step, incident.frozen) == (GOOD, False)


def test_both_are_seen(tmp_path: Path) -> None:
    model = made("two optimizers")
    fit(model, "two optimizers", False, [watch_in(tmp_path)])
    (found,) = only_run(tmp_path).fits
    paths = [variable.path for variable in model.trainable_variables]
    assert sorted(found.steps.paths("gradient", "l2_norm")) == sorted(paths)
    for path in paths:
        assert min(norm for _, norm in found.steps.values("gradient", path, "l2_norm")) > 0
    assert [rate for _, rate in found.steps.values("learning_rate")] == pytest.approx([1e-2] * 8)


def test_the_autopsy_makes_the_first_update_too(tmp_path: Path) -> None:
    """It is the discriminator's update that brings the generator's loss to overflow."""

    class Overflowing(Gan):
        def update_generator(self, data: Any) -> Any:
            grown = tf.reduce_max(tf.abs(self.discriminator.layers[0].kernel))
            with tf.GradientTape() as tape:
                fake = self.generator(self.latent(data), training=True)
                loss = mean(tf.exp(grown) * tf.square(fake))
            weights = self.generator.trainable_weights
            self.g_optimizer.apply(tape.gradient(loss, weights), weights)
            return loss

    keras.utils.set_random_seed(3)
    model = Overflowing()
    model.compile(keras.optimizers.SGD(1e6), keras.optimizers.SGD(1e-3))
    before = whole_state(model)
    with pytest.raises(nanwatch.TrainingHalted, match="loss became inf at step 0 "):
        fit(model, "two optimizers", False, [watch_in(tmp_path)])
    assert differing(whole_state(model)[-len(model.variables) :], before[-len(model.variables) :]) == []
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert incident.reproduced
    assert incident.op is not None
    assert incident.op.type == "Exp"
    assert incident.op.location is not None
    assert "tf.exp(grown)" in incident.op.location.code


class Averaged(OwnStep):
    """Keeps a running average of its weights, as a teacher has it."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.teacher = keras.Sequential([keras.Input((8,)), layers.Dense(16)])
        self.teacher.trainable = False

    def train_step(self, data: Any) -> Any:
        logs = super().train_step(data)
        for weight, mean_of in zip(self.layers[1].weights, self.teacher.weights, strict=True):
            mean_of.assign(0.9 * mean_of + 0.1 * weight)
        return logs


class Perturbed(OwnStep):
    """Looks for the sharpest place near by, and steps from where it was."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        moved = [gradient * 0.05 for gradient in tape.gradient(loss, self.trainable_variables)]
        for weight, change in zip(self.trainable_variables, moved, strict=True):
            weight.assign_add(change)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        for weight, change in zip(self.trainable_variables, moved, strict=True):
            weight.assign_sub(change)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.compute_metrics(x, y, y_pred)


@pytest.mark.parametrize("cls", [Averaged, Perturbed])
@pytest.mark.parametrize("how", [{}, {"run_eagerly": True}, {"steps_per_execution": 4}])
def test_what_a_step_assigns_by_itself(cls: Any, how: dict[str, Any], tmp_path: Path) -> None:
    x = table()
    keras.utils.set_random_seed(3)
    bare = own(cls, **how)
    bare.fit(x[: GOOD * BATCH], classes()[: GOOD * BATCH], shuffle=False, batch_size=BATCH, verbose=0)
    x[GOOD * BATCH + ROW, 2] = np.nan
    keras.utils.set_random_seed(3)
    model = own(cls, **how)
    with pytest.raises(nanwatch.TrainingHalted, match="at step 5"):
        model.fit(x, classes(), shuffle=False, batch_size=BATCH, verbose=0, callbacks=[watch_in(tmp_path)])
    assert only_run(tmp_path).info.errors == ()
    assert differing(state_of(model), state_of(bare)) == []
