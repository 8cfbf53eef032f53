"""Trainings with a ``train_step`` of the script's own, made again by that step."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Proposal
from nanwatch.replay.course import guesses_of, setup_of
from nanwatch.replay.made_again import made_again_trials
from nanwatch.replay.quiet import quiet
from nanwatch.watch.fit.callback import Watch
from nanwatch.watch.recording.run_recorder import KeptTraining, RunRecorder

pytestmark = pytest.mark.tensorflow
K = InterventionKind

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(320, 4)).astype("float32")
Y = (2.0 * X[:, :1]).astype("float32")


class Own(keras.Model):
    """Squared errors by hand; ``whole``: the model is called as a whole, and not its layers."""

    def __init__(self, whole: bool = True, compiled: bool = False, folder: Path | None = None) -> None:
        super().__init__()
        noop = tf.summary.create_noop_writer()
        self.writer = noop if folder is None else tf.summary.create_file_writer(str(folder))
        self.hidden, self.head = keras.layers.Dense(8, "relu"), keras.layers.Dense(1)
        self.whole = whole
        self.mean = keras.metrics.Mean("loss")
        self.one_step = tf.function(self.update) if compiled else self.update

    @property
    def metrics(self) -> list[Any]:
        return [self.mean]

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))

    def update(self, x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            answers = self(x, training=True) if self.whole else self.head(self.hidden(x))
            loss = tf.reduce_mean(tf.square(y - answers))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return loss

    def train_step(self, data: Any) -> Any:
        x, y = data
        print("traced")
        print("aside", file=sys.stderr)
        tf.print("in the graph")
        with self.writer.as_default():
            tf.summary.scalar("mean", tf.reduce_mean(y), step=self.optimizer.iterations)
        self.mean.update_state(self.one_step(x, y))
        return {"loss": self.mean.result()}


def kept(folder: Path, model: Any, rate: float, x: Any = X) -> KeptTraining:
    keras.utils.set_random_seed(4)
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    recorder.keeps_trainings = True
    watch = Watch()
    watch.recorder, watch.injected = recorder, True
    model.compile(keras.optimizers.Adam(rate))
    model.fit(x, Y, epochs=12, verbose=0, callbacks=[watch])
    recorder.end("finished", 0)
    assert recorder.kept is not None
    return recorder.kept


def verdicts(of: KeptTraining, *changes: Intervention) -> list[tuple[str, str]]:
    proposals = [Proposal("NW000", 0, (change,), ended=0.0) for change in changes]
    found = made_again_trials(of, proposals, time.perf_counter() + 60)
    return [(trial.intervention.kind.value, trial.verdict) for trial in found]


FASTER = Intervention(K.SET_LEARNING_RATE, "optimizer", 1e-2)
OTHER_LOSS = Intervention(K.SET_LOSS, "loss", "mean_absolute_error")


@pytest.mark.parametrize("compiled", [False, True])
def test_another_rate_is_tried_by_the_step_as_it_was_written(tmp_path: Path, compiled: bool) -> None:
    """Compiled by the script itself its loss is the one that it logs, without the steps before."""
    model = Own(compiled=compiled)
    of = kept(tmp_path, model, 1e-7)
    optimizer, weights = model.optimizer, [variable.numpy() for variable in model.variables]
    assert verdicts(of, FASTER) == [("set_learning_rate", "cured")]
    assert model.optimizer is optimizer
    for variable, before in zip(model.variables, weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)


def test_what_only_keras_s_own_step_looks_at_is_not_tried(tmp_path: Path) -> None:
    assert verdicts(kept(tmp_path, Own(), 1e-7), OTHER_LOSS, FASTER) == [("set_learning_rate", "cured")]


def test_the_step_is_asked_what_a_constant_answer_costs(tmp_path: Path) -> None:
    of = kept(tmp_path, Own(), 1e-7)
    assert guesses_of(setup_of(of), of.model)[0] == pytest.approx(float(Y.var()), rel=1e-3)
    assert "call" not in vars(of.model)


def test_a_step_that_does_not_call_the_model_says_nothing_of_guessing(tmp_path: Path) -> None:
    of = kept(tmp_path, Own(whole=False), 1e-7)
    assert guesses_of(setup_of(of), of.model)[0] is None
    assert verdicts(of, FASTER) == []


def test_what_the_step_says_and_writes_is_not_said_and_written_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = Own(folder=tmp_path / "board")
    of = kept(tmp_path / "run", model, 1e-7)
    model.writer.flush()
    (written,) = (tmp_path / "board").iterdir()
    size = written.stat().st_size
    assert "in the graph" in capfd.readouterr().err
    assert guess_of_kept(of) is not None
    assert verdicts(of, FASTER) == [("set_learning_rate", "cured")]
    model.writer.flush()
    assert (*capfd.readouterr(), written.stat().st_size) == ("", "", size)


def guess_of_kept(of: KeptTraining) -> float | None:
    with quiet():
        return guesses_of(setup_of(of), of.model)[0]
