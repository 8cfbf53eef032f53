"""Loops of the script's own that are made again, those that do more in a step, and losses written by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.facts import LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.read import read_run
from nanwatch.record.trials import Proposal
from nanwatch.replay.course import setup_of
from nanwatch.replay.held_run import HeldRun
from nanwatch.replay.loop_step import of_loop
from nanwatch.replay.made_again import made_again_trials
from nanwatch.replay.making import NotPossible
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.programs.running import seams

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(8).normal(size=(256, 4)).astype("float32")
Y = (X[:, :1] + X[:, 1:2] > 0).astype("float32")
FASTER = Intervention(InterventionKind.SET_LEARNING_RATE, "optimizer", 0.1)
Made = Callable[[Any, Any, Any], Any]  # the loss of y, the model and x


def model_of(*layers: Any, head: str | None = "sigmoid") -> Any:
    keras.utils.set_random_seed(2)
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, head)])


def plain(y: Any, model: Any, x: Any) -> Any:
    return keras.losses.BinaryCrossentropy()(y, model(x, training=True))


def by_hand(y: Any, model: Any, x: Any) -> Any:
    return tf.reduce_mean(tf.square(y - model(x, training=True)))


def looped(
    folder: Path, model: Any, made: Made = plain, compiled: bool = True, clip: float = 0.0, y: Any = Y
) -> RunRecorder:
    """What is left of a loop that crawls for 64 steps."""
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    recorder.keeps_trainings = True
    optimizer = keras.optimizers.SGD(1e-6)

    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            loss = made(y, model, x)
        gradients = tape.gradient(loss, model.trainable_variables)
        if clip:
            gradients = [tf.clip_by_norm(gradient, clip) for gradient in gradients]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    call = tf.function(step) if compiled else step
    with seams(keras, recorder, "raise"):
        for _ in range(8):
            for first in range(0, len(X), 32):
                call(tf.constant(X[first : first + 32]), tf.constant(y[first : first + 32]))
        recorder.end("finished", 0)
    assert recorder.info.errors == ()
    return recorder


def verdicts(recorder: RunRecorder, *changes: Intervention) -> list[str]:
    assert recorder.kept is not None
    proposals = [Proposal("NW000", 0, changes, True, ended=0.0)]
    return [trial.verdict for trial in made_again_trials(recorder.kept, proposals, time.perf_counter() + 60)]


@pytest.mark.parametrize("compiled", [True, False])
def test_a_loop_is_made_again_from_its_first_weights(tmp_path: Path, compiled: bool) -> None:
    model = model_of()
    first = [variable.numpy() for variable in model.trainable_variables]
    recorder = looped(tmp_path, model, compiled=compiled)
    kept = recorder.kept
    assert kept is not None
    assert (kept.steps, kept.batch_size, kept.shuffled) == (64, 32, False)
    for held, value in zip(kept.first_weights, first, strict=True):
        np.testing.assert_array_equal(held, value)
    assert verdicts(recorder, FASTER) == ["cured"]


def test_penalties_that_the_loop_adds_are_seen_by_what_the_step_cost(tmp_path: Path) -> None:
    def with_penalties(y: Any, model: Any, x: Any) -> Any:
        return plain(y, model, x) + tf.add_n(model.losses)

    dense = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.1))
    for made, penalised in ((with_penalties, True), (plain, False)):
        kept = looped(tmp_path / str(penalised), model_of(dense), made).kept
        assert kept is not None
        assert kept.first_step is not None
        assert of_loop(setup_of(kept), kept.first_step)[0].penalised is penalised


@pytest.mark.parametrize(
    ("made", "clip"),
    [
        (plain, 1e-6),  # the gradient that is applied is another
        (lambda y, model, x: 2.0 * plain(y, model, x), 0.0),
        (lambda y, model, x: plain(y, model, x) + plain(y, model, -x), 0.0),
    ],
)
def test_a_loop_that_does_more_is_not_made_again(tmp_path: Path, made: Made, clip: float) -> None:
    recorder = looped(tmp_path, model_of(), made, clip=clip)
    kept = recorder.kept
    assert kept is not None
    assert kept.first_step is not None
    with pytest.raises(NotPossible, match="does more in a step"):
        of_loop(setup_of(kept), kept.first_step)
    assert verdicts(recorder, FASTER) == []


def test_two_models_in_a_loop_are_not_made_again(tmp_path: Path) -> None:
    first = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])

    def both(y: Any, model: Any, x: Any) -> Any:
        return keras.losses.BinaryCrossentropy()(y, model(first(x, training=True), training=True))

    assert verdicts(looped(tmp_path, model_of(), both), FASTER) == []


def test_a_loss_that_is_written_by_hand_is_known_by_what_it_costs(tmp_path: Path) -> None:
    target = 2 * X[:, :1] + 5
    recorder = looped(tmp_path, model_of(head=None), by_hand, y=target)
    before = read_run(recorder.folder).fits[0].model.outputs[0].loss
    assert before is None or before.name == "custom"
    HeldRun(recorder, 10.0).ask_guess([0])
    fit = read_run(recorder.folder).fits[0]
    assert fit.model.outputs[0].loss == LossInfo("mean_squared_error")
    assert fit.info.guess_loss == pytest.approx(float(target.var()), rel=0.2)  # of the rows that are held
    assert recorder.info.errors == ()
    assert verdicts(recorder, FASTER) == ["cured"]


def test_a_loss_of_ones_own_is_no_loss_that_is_known(tmp_path: Path) -> None:
    def cubed(y: Any, model: Any, x: Any) -> Any:
        return tf.reduce_mean(tf.abs(y - model(x, training=True)) ** 3)

    recorder = looped(tmp_path, model_of(), cubed)
    HeldRun(recorder, 10.0).ask_guess([0])
    assert read_run(recorder.folder).fits[0].info.guess_loss is None
    assert recorder.info.errors == ()
    assert verdicts(recorder, FASTER) == []


def test_a_layer_that_draws_leaves_room_for_chance(tmp_path: Path) -> None:
    dropping = model_of(keras.layers.Dense(64, "relu"), keras.layers.Dropout(0.2))
    assert verdicts(looped(tmp_path, dropping), FASTER) == ["cured"]


def test_the_loss_of_a_loop_is_told_that_it_gets_logits(tmp_path: Path) -> None:
    """Of a linear head the cross-entropy takes what lies outside of 0 and 1 for certain."""
    recorder = looped(tmp_path, model_of(head=None))
    told = Intervention(InterventionKind.SET_FROM_LOGITS, "0", True)
    assert verdicts(recorder, told) in (["cured"], ["not-cured"])
