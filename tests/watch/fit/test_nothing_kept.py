"""What a script drops is gone, and what it keeps is as Keras made it, under watch as under Python."""

from __future__ import annotations

import gc
import json
import os
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nanwatch
from nanwatch.record.read import read_run
from nanwatch.watch.keras_seam.seams import SEAMS, owner_of
from nanwatch.watch.launch import user_lines
from nanwatch.watch.recording.run_recorder import RunRecorder, end_dropped
from tests.programs.running import seams
from tests.watch.model_kinds import OwnCompiledStep, OwnStep, classes, compiled, own, table
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow

Trained = tuple[Any, ...]  # models and optimizers


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunRecorder]:
    found = RunRecorder(tmp_path / "logs", "train.py", ())
    with seams(keras, found, "raise"):
        yield found
    found.end("finished", 0)
    assert found.info.errors == ()


def net() -> Any:
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dense(1, "sigmoid")]
    )


def own_compiled(**given: Any) -> Any:
    model = net()
    model.compile("adam", "binary_crossentropy", **given)
    return model


def fit(model: Any = None, **given: Any) -> Trained:
    model = own_compiled(**given) if model is None else model
    model.fit(table(), classes(), batch_size=16, epochs=2, verbose=0)
    return model, model.optimizer


def validated() -> Trained:
    model = compiled(net())
    data = tf.data.Dataset.from_tensor_slices((table(), classes()[:, None])).batch(16)
    model.fit(data, validation_data=data, shuffle=False, verbose=0)
    return model, model.optimizer


def on_batch(**given: Any) -> Trained:
    model = own_compiled(**given)
    for _ in range(3):
        model.train_on_batch(table(), classes())
    return model, model.optimizer


def loop(compiled_step: bool, steps: int = 3, value: float = 0.5) -> Trained:
    model, optimizer, measure = net(), keras.optimizers.Adam(), keras.losses.BinaryCrossentropy()

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = measure(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    run = tf.function(step) if compiled_step else step
    for number in range(steps):
        run(tf.constant(table()), tf.constant(classes()[:, None]))
        if number == steps - 1:
            model.layers[1].moving_mean.assign(np.full(4, value))
    return model, optimizer


def saliency() -> Trained:
    """A tape that no update follows."""
    model, x = net(), tf.constant(table())
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x)
    tape.gradient(y, x)
    return (model,)


def interrupted() -> Trained:
    def leave(batch: int, logs: Any) -> None:
        raise KeyboardInterrupt

    model = compiled(net())
    leaving = keras.callbacks.LambdaCallback(on_train_batch_end=leave)
    with pytest.raises(KeyboardInterrupt):
        model.fit(table(), classes(), verbose=0, callbacks=[leaving])
    return model, model.optimizer


WAYS: dict[str, Callable[[], Trained]] = {
    "fit": fit,
    "fit, eager": lambda: fit(run_eagerly=True),
    "fit, steps_per_execution": lambda: fit(steps_per_execution=2),
    "fit, validation": validated,
    "fit, interrupted": interrupted,
    "own train_step": lambda: fit(own(OwnStep)),
    "own compiled train_step": lambda: fit(own(OwnCompiledStep)),
    "train_on_batch": on_batch,
    "train_on_batch, eager": lambda: on_batch(run_eagerly=True),
    "tape, a tf.function": lambda: loop(compiled_step=True),
    "tape, eager": lambda: loop(compiled_step=False),
    "tape without an update": saliency,
}


def train(way: Callable[[], Trained]) -> list[weakref.ref[Any]]:
    """Its models and optimizers, which the script has dropped."""
    return [weakref.ref(thing) for thing in way()]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_script_drops_is_gone(way: str, recorder: RunRecorder) -> None:
    left = train(WAYS[way])
    gc.collect()
    assert [thing() for thing in left] == [None] * len(left)


def test_of_trainings_that_were_halted_the_first_is_held(recorder: RunRecorder) -> None:
    """For the trials of its remedies."""

    def bad() -> Trained:
        model, y = compiled(net()), classes().astype("float32")
        y[5] = np.nan
        with pytest.raises(nanwatch.TrainingHalted):
            model.fit(table(), y, batch_size=16, verbose=0)
        return (model,)

    ((first,), (second,), (third,)) = train(bad), train(bad), train(bad)
    gc.collect()
    assert recorder.frozen is not None
    assert first() is recorder.frozen.model
    assert (second(), third()) == (None, None)


def test_a_dropped_loop_is_recorded_to_its_end(recorder: RunRecorder) -> None:
    train(lambda: loop(compiled_step=True, steps=5))
    gc.collect()
    assert [fit.status for fit in recorder.fits.values()] == ["running"]
    train(lambda: loop(compiled_step=False, steps=4))
    gc.collect()
    assert [fit.status for fit in recorder.fits.values()] == ["finished", "running"]
    assert not recorder.running.keys() & {0}
    recorder.end("finished", 0)
    found = read_run(recorder.folder)
    assert [(fit.info.status, fit.info.steps, len(fit.losses())) for fit in found.fits] == [
        ("finished", 5, 5),
        ("finished", 4, 4),
    ]
    assert [fit.model.type for fit in found.fits] == ["Sequential"] * 2
    assert all(fit.info.seconds > 0 for fit in found.fits)


def test_state_that_a_dropped_loop_has_left_bad_is_told(recorder: RunRecorder) -> None:
    train(lambda: loop(compiled_step=True, value=np.nan))
    gc.collect()
    recorder.end("finished", 0)
    incident = read_run(recorder.folder).info.incident
    assert incident is not None
    assert (incident.role, incident.state, incident.step) == ("weight", True, 2)


def test_a_run_of_its_own_ends_with_its_model(tmp_path: Path) -> None:
    """A fit under a `Watch` passed by hand, which an exception of another callback has left."""

    def leave(batch: int, logs: Any) -> None:
        raise ArithmeticError

    def left() -> Trained:
        model = own_compiled()
        callbacks = [watch_in(tmp_path), keras.callbacks.LambdaCallback(on_train_batch_end=leave)]
        with pytest.raises(ArithmeticError):
            model.fit(table(), classes(), verbose=0, callbacks=callbacks)
        return (model,)

    train(left)
    gc.collect()
    end_dropped()
    assert only_run(tmp_path).info.status == "finished"


def open_things() -> tuple[list[str], list[str], int]:
    """Files, mapped files and threads of this process that are about a run's fits."""
    files = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    maps = Path("/proc/self/maps").read_text().splitlines()
    return (
        [name for name in files if "/fit-" in name],
        [line.split()[-1] for line in maps if "/fit-" in line],
        threading.active_count(),
    )


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux")
def test_no_file_and_no_thread_stays_open(recorder: RunRecorder) -> None:
    before = open_things()
    kept = fit(), validated()
    train(lambda: loop(compiled_step=True))
    train(on_batch)
    train(interrupted)
    gc.collect()
    end_dropped()
    assert open_things() == before
    assert kept


def attributes(model: Any) -> list[dict[str, type]]:
    """What stands on a model, its optimizer and its layers: the names, and the kinds of all but functions."""
    things = [model, *([model.optimizer] if hasattr(model, "optimizer") else []), *model.layers]
    functions = ("train_function", "test_function", "predict_function")
    return [
        {name: object if name in functions else type(value) for name, value in vars(thing).items()}
        for thing in things
    ]


LEFT_ALONE = ("fit", "fit, eager", "fit, validation", "fit, interrupted", "own train_step", "train_on_batch")


@pytest.mark.parametrize("way", LEFT_ALONE)
def test_a_model_between_fits_is_as_under_python(way: str, tmp_path: Path) -> None:
    own(OwnStep)  # Keras changes such a class for good when the first model is made of it
    seen = []
    for under_watch in (False, True):
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)
        if under_watch:
            recorder = RunRecorder(tmp_path, "train.py", ())
            with seams(keras, recorder, "raise"):
                model = WAYS[way]()[0]
                seen.append(attributes(model))
            recorder.end("finished", 0)
        else:
            model = WAYS[way]()[0]
            seen.append(attributes(model))
    bare, watched = seen
    assert [sorted(set(found) ^ set(had)) for found, had in zip(watched, bare, strict=True)] == [[]] * len(
        bare
    )
    assert watched == bare


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
def test_pickles_configurations_and_files_are_those_of_python(tmp_path: Path) -> None:
    def made(name: str) -> tuple[Any, ...]:
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)
        model, optimizer = fit()
        schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
        model.save_weights(tmp_path / f"{name}.weights.h5")
        held = pickle.loads(pickle.dumps(model))
        return (
            json.dumps(model.get_config()),
            str(optimizer.get_config()),
            pickle.dumps(schedule),
            [array.tobytes() for array in held.get_weights()],
            (tmp_path / f"{name}.weights.h5").stat().st_size,
        )

    bare = made("bare")
    recorder = RunRecorder(tmp_path / "logs", "train.py", ())
    with seams(keras, recorder, "raise"):
        watched = made("watched")
    recorder.end("finished", 0)
    assert watched == bare


def test_nothing_is_remembered_of_what_is_gone(recorder: RunRecorder) -> None:
    before = len(user_lines.MADE.held), len(user_lines.COMPILED.held)
    train(fit)
    train(lambda: loop(compiled_step=True))
    gc.collect()
    assert (len(user_lines.MADE.held), len(user_lines.COMPILED.held)) == before


def test_patches_go_with_the_run(tmp_path: Path) -> None:
    owners = {id(owner): owner for seam in SEAMS if seam.owner for owner in [owner_of(seam)]}
    before = {number: dict(vars(owner)) for number, owner in owners.items()}
    recorder = RunRecorder(tmp_path, "train.py", ())
    with seams(keras, recorder, "raise"):
        train(fit)
        train(lambda: loop(compiled_step=True))
    recorder.end("finished", 0)
    after = {number: dict(vars(owner)) for number, owner in owners.items()}
    assert {number: list(held) for number, held in after.items()} == {
        number: list(held) for number, held in before.items()
    }
