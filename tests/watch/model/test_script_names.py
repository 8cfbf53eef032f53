"""What the script calls a model or layer that Keras has named; nothing of the script's is kept for it."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.model import script_names
from nanwatch.watch.model.script_names import is_named_by_keras, name_of
from tests.watch.fit.test_loops import watching
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow


def net(**given: Any) -> Any:
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], **given)


class Agent:
    """An object that is no model, and holds two."""

    def __init__(self) -> None:
        self.actor, self.critic = net(), net()
        self._target = net()

    def ask(self) -> list[str]:
        return [name_of(self.actor), name_of(self.critic), name_of(self._target)]


class Gan(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.generator, self.discriminator = net(), net()
        self.blocks = [keras.layers.Dense(2), keras.layers.Dense(2, name="given")]

    def call(self, x: Any) -> Any:
        return self.discriminator(x)


def test_a_variable_of_a_function() -> None:
    critic = net()
    _ = _hidden = net()
    assert (name_of(critic), name_of(_hidden)) == ("critic", "")


def test_the_outermost_function_names_it() -> None:
    def train(model: Any) -> str:
        return name_of(model)

    generator = net()
    assert train(generator) == "generator"


def test_a_variable_of_the_module_before_that_of_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    model = net()
    monkeypatch.setitem(globals(), "student", model)
    assert name_of(model) == "student"


def test_an_attribute_of_an_object() -> None:
    agent = Agent()
    assert agent.ask() == ["actor", "critic", ""]


def test_an_attribute_of_a_model_before_a_variable() -> None:
    gan = Gan()
    second = gan.generator
    assert name_of(second) == "generator"
    assert name_of(gan) == "gan"


def test_a_name_that_the_script_gave_in_keras() -> None:
    mine = net(name="scorer")
    assert name_of(mine) == ""
    assert not is_named_by_keras(mine)
    assert is_named_by_keras(net())
    assert is_named_by_keras(keras.layers.BatchNormalization())
    assert is_named_by_keras(keras.layers.LSTM(2))
    assert is_named_by_keras(keras.layers.Conv2DTranspose(2, 3))


def test_a_name_once_found_stays() -> None:
    first = net()
    assert name_of(first) == "first"
    second, held = first, [first]
    del first
    assert name_of(second) == name_of(held[0]) == "first"


def test_layers_by_the_attributes_that_hold_them() -> None:
    gan = Gan()
    layers = seam().layers_of(gan)
    named = script_names.layer_names(gan, layers)
    assert {layer.name: named.get(id(layer)) for _, layer in layers} == {
        gan.generator.name: "generator",
        gan.generator.layers[0].name: None,
        gan.discriminator.name: "discriminator",
        gan.discriminator.layers[0].name: None,
        gan.blocks[0].name: "blocks[0]",
        "given": None,
    }


def test_what_a_function_holds_lives_no_longer() -> None:
    """Up to Python 3.12 a frame keeps what was read of its variables."""

    class Large:
        pass

    model, large = net(), Large()
    gone = weakref.ref(large)
    assert name_of(model) == "model"
    del large
    assert gone() is None


def test_the_scripts_own_locals_stay() -> None:
    model = net()
    own = locals()
    assert name_of(model) == "model"
    assert own["model"] is model


def test_what_fails_when_it_is_read() -> None:
    class Strange:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

    strange, model = Strange(), net()
    assert name_of(model) == "model"
    assert type(strange) is Strange


def test_a_model_is_let_go_of() -> None:
    model = net()
    assert name_of(model) == "model"
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_two_loops_in_one_step(tmp_path: Path) -> None:
    """Each has its model's row, by the name of the variable."""
    generator, critic = net(), net()
    first, second = keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01)

    @tf.function
    def step(x: Any) -> None:
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean(tf.square(critic(x)))
            other = tf.reduce_mean(tf.square(generator(x) - 1.0))
        for model, value, optimizer in ((generator, other, first), (critic, loss, second)):
            weights = model.trainable_variables
            optimizer.apply(tape.gradient(value, weights), weights)

    with watching(tmp_path):
        for _ in range(3):
            step(tf.ones((4, 2)))
    run = only_run(tmp_path)
    assert [(fit.model.name, fit.model.called) for fit in run.fits] == [
        (generator.name, "generator"),
        (critic.name, "critic"),
    ]


def test_fits_of_two_models(tmp_path: Path) -> None:
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    teacher, student = net(), net()
    for model in (teacher, student):
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0, callbacks=[watch_in(tmp_path / model.name)])
    assert [only_run(tmp_path / net.name).info.models[0].called for net in (teacher, student)] == [
        "teacher",
        "student",
    ]
