"""Variables that a step reads and no optimizer is given: which are told of, and where they come from."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import UntrackedVariable
from nanwatch.watch.model.untracked import read_and_unknown
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow
layers = keras.layers
X = np.random.RandomState(0).randn(320, 4).astype("float32")
Y = X[:, :1] * 2


class Own(keras.layers.Layer):
    """Holds what the test gives it, and adds up what that makes of the input."""

    def __init__(self, held: Any, calls: Any) -> None:
        super().__init__()
        self.held = held
        self.calls = calls

    def call(self, x: Any) -> Any:
        return self.calls(self.held, x)


class Box:
    def __init__(self, *held: Any) -> None:
        self.inside = {"all": held}


def variable(**facts: Any) -> tf.Variable:
    return tf.Variable(np.ones((4, 4), "float32"), **facts)


def multiplied(held: Any, x: Any) -> Any:
    return tf.matmul(x, held)


def untracked_of(folder: Path, *first: Any, callbacks: Any = (), **compiled: Any) -> list[UntrackedVariable]:
    model = keras.Sequential([keras.Input((4,)), *first, layers.Dense(1)])
    model.compile(**{"optimizer": "adam", "loss": "mse", **compiled})
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[watch_in(folder), *callbacks])
    run = only_run(folder)
    assert run.info.errors == ()
    return list(run.fits[0].info.untracked)


def test_a_variable_of_tensorflow_in_a_layer(tmp_path: Path) -> None:
    own = Own(variable(), multiplied)
    (found,) = untracked_of(tmp_path, own)
    assert (found.layer, found.type, found.attribute, found.shape) == (own.path, "Own", "held", (4, 4))
    assert found.location is not None
    assert found.location.code == "self.held = held"


def test_layers_in_an_object_that_is_no_layer(tmp_path: Path) -> None:
    inner = layers.Dense(4)
    own = Own(Box(inner), lambda held, x: held.inside["all"][0](x))
    found = untracked_of(tmp_path, own)
    assert sorted(each.shape for each in found) == [(4,), (4, 4)]
    assert {each.attribute for each in found} == {"held"}


def test_what_a_lambda_reads_is_told_by_its_line(tmp_path: Path) -> None:
    outside = variable()
    (found,) = untracked_of(tmp_path, layers.Lambda(lambda x: tf.matmul(x, outside)))
    assert (found.type, found.attribute) == ("Lambda", "")
    assert found.location is not None
    assert "tf.matmul(x, outside)" in found.location.code


def test_in_a_step_that_xla_compiles(tmp_path: Path) -> None:
    assert len(untracked_of(tmp_path, Own(variable(), multiplied), jit_compile=True)) == 1


def test_what_is_not_to_be_trained(tmp_path: Path) -> None:
    frozen = layers.Dense(4)
    frozen.trainable = False
    kept = [
        Own(variable(trainable=False), multiplied),
        Own(Box(frozen), lambda held, x: held.inside["all"][0](x)),
        Own([layers.Dense(4)], lambda held, x: held[0](x)),
        Own(tf.Variable(3), lambda held, x: x * tf.cast(held, tf.float32)),
    ]
    assert untracked_of(tmp_path, *kept) == []


def test_what_somebody_moves(tmp_path: Path) -> None:
    weight = tf.Variable(0.0)
    move = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: weight.assign(1.0 + epoch))

    def averaged(held: Any, x: Any) -> Any:
        held.assign(0.9 * held + 0.1 * tf.reduce_mean(x))
        return x - held

    own = [Own(weight, lambda held, x: held * x), Own(tf.Variable(0.0), averaged)]
    assert untracked_of(tmp_path, *own, callbacks=[move]) == []


def test_what_only_the_loss_reads(tmp_path: Path) -> None:
    far = keras.Sequential([keras.Input((1,)), layers.Dense(8)])
    assert untracked_of(tmp_path, loss=lambda y, p: tf.reduce_mean((far(y) - far(p)) ** 2)) == []


def test_what_a_trial_may_train() -> None:
    own, frozen = variable(), layers.Dense(4)
    frozen.trainable = False
    model = keras.Sequential(
        [
            keras.Input((4,)),
            Own(own, multiplied),
            Own(Box(frozen), lambda held, x: held.inside["all"][0](x)),
            layers.Dense(1),
        ]
    )
    assert [each is own for each in read_and_unknown(model, X[:2])] == [True]


TEACHER: list[Any] = []


class Learner(keras.Model):
    """Learns what a network of the script's answers, that it does not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.student = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.student(x)

    def train_step(self, data: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(data[0]) - TEACHER[0](data[0])) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def test_a_teacher_is_none_of_the_model(tmp_path: Path) -> None:
    TEACHER[:] = [keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dense(1)])]
    model = Learner()
    model.compile("adam")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[watch_in(tmp_path)])
    assert only_run(tmp_path).fits[0].info.untracked == ()
