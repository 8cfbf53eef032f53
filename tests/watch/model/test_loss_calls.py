"""What a loss was given that a step of the script's own calls by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.diagnose.engine import diagnose
from nanwatch.record.facts import LossCall
from nanwatch.record.run import Run
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.programs.running import seams
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow
X = np.random.default_rng(1).normal(size=(64, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


class Judging(keras.Model):
    """A network as an attribute, and a loss that is given to ``compile`` by another name."""

    def __init__(self, judge: Any, then: Any = None) -> None:
        super().__init__()
        self.judge, self.then = judge, then

    def compile(self, judged_by: Any, **given: Any) -> None:
        super().compile(**given)
        self.judged_by = judged_by

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            given = self.judge(x, training=True)
            given = given if self.then is None else self.then(given)
            loss = self.judged_by(y, given)  # called
        gradients = tape.gradient(loss, self.judge.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.judge.trainable_variables, strict=True))
        return {"loss": loss}


def net(*behind: Any, units: int = 1, **given: Any) -> Any:
    head = keras.layers.Dense(units, name="head", **given)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), head, *behind])


def run_of(folder: Path, judge: Any, loss: Any, then: Any = None, y: Any = Y, **given: Any) -> Run:
    keras.utils.set_random_seed(1)
    model = Judging(judge, then)
    model.compile(loss, optimizer="adam", **given)
    model.fit(X, y, batch_size=16, verbose=0, callbacks=[watch_in(folder)])
    run = only_run(folder)
    assert run.info.errors == ()
    return run


def call_of(run: Run) -> LossCall:
    (call,) = run.fits[0].info.loss_calls
    return call


BCE = keras.losses.BinaryCrossentropy


@pytest.mark.parametrize("eager", [False, True])
def test_what_a_network_gives_is_given_to_a_loss(eager: bool, tmp_path: Path) -> None:
    run = run_of(tmp_path, net(), BCE(), run_eagerly=eager)
    call = call_of(run)
    assert (call.loss.name, call.loss.from_logits) == ("binary_crossentropy", False)
    assert (call.layer or "").endswith("/head")
    assert (call.layer_type, call.activation, call.unwrapped) == ("Dense", "linear", False)
    assert (call.label_shape[1:], call.output_shape[1:]) == ((1,), (1,))
    assert call.location is not None
    assert call.location.code == "loss = self.judged_by(y, given)  # called"
    assert diagnose(run).diagnoses[0].code == "NW204"


@pytest.mark.parametrize(
    ("judge", "loss", "then", "activation"),
    [
        (lambda: net(), lambda: BCE(from_logits=True), None, "linear"),
        (lambda: net(activation="sigmoid"), lambda: BCE(), None, "sigmoid"),
        (lambda: net(), lambda: BCE(), tf.sigmoid, "sigmoid"),
        (lambda: net(), lambda: BCE(), keras.ops.sigmoid, "sigmoid"),
        (lambda: net(keras.layers.Activation("sigmoid")), lambda: BCE(), None, "sigmoid"),
        (lambda: net(), lambda: BCE(), lambda given: tf.clip_by_value(given, 0.0, 1.0), "unknown"),
        (lambda: net(), lambda: keras.losses.MeanSquaredError(), None, "linear"),
    ],
)
def test_what_fits_is_no_fault(judge: Any, loss: Any, then: Any, activation: str, tmp_path: Path) -> None:
    run = run_of(tmp_path, judge(), loss(), then)
    assert call_of(run).activation == activation
    assert not {each.code for each in diagnose(run).diagnoses} & {"NW204", "NW205", "NW109", "NW210"}


def shares(given: Any) -> Any:
    return tf.nn.softmax(given / 3.0)


@pytest.mark.parametrize(("then", "code"), [(None, "NW204"), (lambda z: z / 3.0, "NW204"), (shares, None)])
def test_a_divergence_of_what_are_no_shares(then: Any, code: str | None, tmp_path: Path) -> None:
    y = np.eye(3, dtype=np.float32)[np.arange(64) % 3]
    run = run_of(tmp_path, net(units=3), keras.losses.KLDivergence(), then, y)
    assert {each.code for each in diagnose(run).diagnoses} & {"NW204", "NW205"} == ({code} if code else set())


@pytest.mark.filterwarnings("ignore:.*does not represent logits:UserWarning")
@pytest.mark.parametrize("behind", [None, keras.layers.Reshape((3,)), keras.layers.Dropout(0.1)])
def test_probabilities_that_are_taken_for_logits(behind: Any, tmp_path: Path) -> None:
    """Keras goes past a softmax that it is given as it comes out."""
    judge = net(*([] if behind is None else [behind]), units=3, activation="softmax")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    run = run_of(tmp_path, judge, loss, y=np.arange(64) % 3)
    codes = [each.code for each in diagnose(run).diagnoses]
    assert call_of(run).unwrapped is (behind is None)
    assert ("NW205" in codes) is (behind is not None)


def test_what_compile_was_given_is_no_call_of_the_scripts(tmp_path: Path) -> None:
    class Plain(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Plain()
    model.compile("adam", BCE(from_logits=True))
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[watch_in(tmp_path)])
    assert only_run(tmp_path).fits[0].info.loss_calls == ()


def in_loop(folder: Path, compiled: bool, column: bool, units: int = 3) -> Run:
    """A loop as of Q-learning: one unit of several is picked, and compared with a target that is made up."""
    recorder = RunRecorder(folder, "train.py", ())
    with seams(keras, recorder, "raise"):
        keras.utils.set_random_seed(1)
        model, optimizer, measure = net(units=units), keras.optimizers.Adam(), keras.losses.Huber()
        rewards = Y if column else Y[:, 0]

        def step(x: Any, gained: Any) -> Any:
            target = gained + 0.9 * tf.reduce_max(model(x), axis=1)
            with tf.GradientTape() as tape:
                picked = tf.reduce_sum(model(x) * tf.one_hot(tf.zeros(len(x), tf.int32), units), axis=1)
                loss = measure(target, picked)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

        made = tf.function(step) if compiled else step
        for first in range(0, 64, 16):
            made(tf.constant(X[first : first + 16]), tf.constant(rewards[first : first + 16]))
    recorder.end("finished", 0)
    assert recorder.info.errors == ()
    return only_run(folder)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("column", [False, True])
def test_targets_that_met_a_column_before_the_loss(compiled: bool, column: bool, tmp_path: Path) -> None:
    run = in_loop(tmp_path, compiled, column)
    assert (run.fits[0].info.loss_calls[0].label_shape == (16, 16)) is column
    codes = [each.code for each in diagnose(run).diagnoses]
    assert ("NW109" in codes) is column
    assert "NW210" not in codes  # of the units one is picked


def test_a_column_of_targets_beside_several_units(tmp_path: Path) -> None:
    """In a loop, where the loss is given all of them."""
    recorder = RunRecorder(tmp_path, "train.py", ())
    with seams(keras, recorder, "raise"):
        model, optimizer, measure = net(units=3), keras.optimizers.Adam(), keras.losses.MeanSquaredError()
        for first in range(0, 64, 16):
            with tf.GradientTape() as tape:
                loss = measure(tf.constant(Y[first : first + 16]), model(tf.constant(X[first : first + 16])))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    recorder.end("finished", 0)
    assert "NW210" in [each.code for each in diagnose(only_run(tmp_path)).diagnoses]
