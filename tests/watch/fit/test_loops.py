"""Trainings without fit: train_on_batch and tape loops, eager and compiled, under ``nanwatch run``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nanwatch
from nanwatch.diagnose.engine import diagnose
from nanwatch.record.facts import OnIncident
from nanwatch.record.notes import LoopUnderXla, NotMet
from nanwatch.record.run import Run
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.programs.running import seams
from tests.watch.model_kinds import BATCH, classes, mlp, state_of, table
from tests.watch.training import differing, only_run

pytestmark = pytest.mark.tensorflow

STEPS, GOOD, ROW = 8, 5, 7
Step = Callable[[Any, Any], Any]


def batches(bad: bool = False) -> Iterator[tuple[Any, Any]]:
    x, y = table(), classes()[:, None]
    if bad:
        y[GOOD * BATCH + ROW] = np.nan
    for first in range(0, len(x), BATCH):
        yield x[first : first + BATCH], y[first : first + BATCH]


def on_batch(**compiled: Any) -> tuple[Any, Step]:
    model = mlp(**compiled)
    return model, lambda x, y: model.train_on_batch(x, y)


def small_model() -> Any:
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dense(1, "sigmoid")]
    )


def tape(
    compiled: bool, jit: bool = False, by: str = "apply_gradients", loss: Any = None
) -> tuple[Any, Step]:
    model, optimizer = small_model(), keras.optimizers.Adam()
    model.optimizer = optimizer
    measure = loss or keras.losses.BinaryCrossentropy()

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as recorded:
            value = measure(y, model(x, training=True))
        gradients = recorded.gradient(value, model.trainable_variables)
        if by == "apply":
            optimizer.apply(gradients, model.trainable_variables)
        else:
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return value

    return model, tf.function(step, jit_compile=jit) if compiled else step


def squares(y: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.square(tf.cast(y, tf.float32) - y_pred))


LOOPS: dict[str, Callable[[], tuple[Any, Step]]] = {
    "train_on_batch": on_batch,
    "train_on_batch, eager": lambda: on_batch(run_eagerly=True),
    "tape, eager": lambda: tape(compiled=False),
    "tape, a tf.function": lambda: tape(compiled=True),
    "tape, apply": lambda: tape(compiled=True, by="apply"),
    "tape, a loss of its own": lambda: tape(compiled=True, loss=squares),
}


@contextmanager
def watching(folder: Path, on_incident: OnIncident = "raise") -> Iterator[RunRecorder]:
    """As in ``nanwatch run``: every training in the block."""
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    with seams(keras, recorder, on_incident):
        yield recorder
    recorder.end("halted" if recorder.halted else "finished", 0)


def run_loop(step: Step, bad: bool = False, steps: int = STEPS) -> list[float]:
    losses = []
    for number, (x, y) in enumerate(batches(bad)):
        if number == steps:
            break
        value = step(tf.constant(x), tf.constant(y))
        losses.append(float(value[0] if isinstance(value, list | tuple) else value))
    return losses


def made(name: str) -> tuple[Any, Step]:
    keras.utils.set_random_seed(3)
    return LOOPS[name]()


@pytest.fixture(scope="module", params=LOOPS)
def healthy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Any, Any, Run]:
    """(name, (bare state, losses), (watched state, losses), run)."""
    name, folder = request.param, tmp_path_factory.mktemp("loops")
    model, step = made(name)
    bare = run_loop(step), state_of(model)
    with watching(folder):
        model, step = made(name)
        watched = run_loop(step), state_of(model)
    return name, bare, watched, only_run(folder)


def test_the_same_to_the_last_bit(healthy: tuple[str, Any, Any, Run]) -> None:
    _, (bare_losses, bare), (losses, watched), _ = healthy
    assert losses == bare_losses
    assert differing(watched, bare) == []


def test_every_step_is_recorded(healthy: tuple[str, Any, Any, Run]) -> None:
    name, _, (losses, _), run = healthy
    assert run.info.errors == ()
    assert (run.info.incident, run.info.status) == (None, "finished")
    (fit,) = run.fits
    assert fit.info.kind == ("train_on_batch" if "train_on_batch" in name else "tape")
    assert (fit.info.steps, fit.info.status) == (STEPS, "finished")
    assert [step for step, _ in fit.losses()] == list(range(STEPS))
    assert [loss for _, loss in fit.losses()] == pytest.approx(losses, rel=1e-5)


def test_what_is_seen_of_a_loop(healthy: tuple[str, Any, Any, Run]) -> None:
    name, _, _, run = healthy
    (fit,) = run.fits
    assert len(fit.steps.paths("gradient", "l2_norm")) == 6
    for path in fit.steps.paths("gradient", "l2_norm"):
        assert min(norm for _, norm in fit.steps.values("gradient", path, "l2_norm")) > 0
    (output,) = fit.model.outputs
    assert (output.activation, output.units) == ("sigmoid", 1)
    assert output.loss is not None or name == "tape, a loss of its own"
    assert fit.info.data.inputs[0].rows >= BATCH
    assert fit.info.data.inputs[0].columns[0].num_nan == 0
    assert set(fit.info.data.labels[0].classes) == {"0", "1"}
    assert fit.info.location is not None
    assert fit.info.location.file == __file__


@pytest.mark.parametrize("name", LOOPS)
def test_a_bad_step_is_held_back(name: str, tmp_path: Path) -> None:
    bare, step = made(name)
    run_loop(step, steps=GOOD)
    with watching(tmp_path):
        model, step = made(name)
        with pytest.raises(nanwatch.TrainingHalted, match="at step 5"):
            run_loop(step, bad=True)
    if name.startswith("tape"):  # the forward pass, and the statistics with it, is the script's own
        found, expected = ([variable.numpy() for variable in trained(model)] for model in (model, bare))
    else:
        found, expected = state_of(model), state_of(bare)
    assert differing(found, expected) == []
    run = only_run(tmp_path)
    assert run.info.errors == ()
    incident = run.info.incident
    assert incident is not None
    assert (incident.step, incident.role, incident.value, incident.frozen) == (GOOD, "label", "nan", True)


def trained(model: Any) -> list[Any]:
    return [*model.trainable_variables, *model.optimizer.variables]


@pytest.mark.parametrize("name", LOOPS)
def test_continue_is_as_if_nobody_watched(name: str, tmp_path: Path) -> None:
    bare, step = made(name)
    run_loop(step, bad=True)
    with watching(tmp_path, "continue"):
        model, step = made(name)
        run_loop(step, bad=True)
    assert differing(state_of(model), state_of(bare)) == []
    run = only_run(tmp_path)
    assert run.fits[0].info.steps == STEPS
    assert run.info.incident is not None
    assert run.info.incident.step == GOOD


def test_a_step_that_xla_compiles_is_not_watched_and_said_so(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    model, step = tape(compiled=True, jit=True)
    bare = run_loop(step), state_of(model)
    keras.utils.set_random_seed(3)
    with watching(tmp_path):
        model, step = tape(compiled=True, jit=True)
        losses = run_loop(step)
    assert losses == bare[0]
    assert differing(state_of(model), bare[1]) == []
    run = only_run(tmp_path)
    assert (len(run.fits), run.info.errors, run.info.not_watched) == (0, (), (LoopUnderXla(),))


def test_two_optimizers_in_turns(tmp_path: Path) -> None:
    """As in a GAN: each has its own record."""
    with watching(tmp_path):
        loops = [made("tape, eager"), made("tape, a tf.function")]
        for x, y in batches():
            for _, step in loops:
                step(tf.constant(x), tf.constant(y))
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert [(fit.info.kind, fit.info.steps) for fit in run.fits] == [("tape", STEPS)] * 2


def test_a_tape_that_trains_nothing(tmp_path: Path) -> None:
    """Saliency, say: a gradient that no optimizer is given."""
    model = small_model()
    with watching(tmp_path):
        x = tf.constant(table()[:4])
        with tf.GradientTape() as recorded:
            recorded.watch(x)
            value = tf.reduce_sum(model(x))
        assert recorded.gradient(value, x).shape == (4, 8)
    run = only_run(tmp_path)
    assert (len(run.fits), run.info.errors) == (0, ())


def test_fit_is_recorded_once(tmp_path: Path) -> None:
    """A fit goes through a tape and an optimizer too."""
    with watching(tmp_path):
        mlp().fit(table(), classes(), batch_size=BATCH, verbose=0)
    run = only_run(tmp_path)
    assert [(fit.info.kind, fit.info.steps) for fit in run.fits] == [("fit", STEPS)]


def test_a_watch_of_the_scripts_own_is_taken_over(tmp_path: Path) -> None:
    with watching(tmp_path / "run"):
        watch = nanwatch.Watch(tmp_path / "own")
        mlp().fit(table(), classes(), batch_size=BATCH, verbose=0, callbacks=[watch])
    assert not (tmp_path / "own").exists()
    assert [fit.info.steps for fit in only_run(tmp_path / "run").fits] == [STEPS]


@pytest.mark.parametrize("given", [None, [], (), keras.callbacks.History(), [keras.callbacks.History()]])
def test_callbacks_as_the_script_gave_them(given: Any, tmp_path: Path) -> None:
    before = list(given) if isinstance(given, list) else None
    with watching(tmp_path):
        mlp().fit(table(), classes(), BATCH, 1, 0, given)
    assert before is None or given == before
    assert [fit.info.steps for fit in only_run(tmp_path).fits] == [STEPS]


def test_keras_is_given_back(tmp_path: Path) -> None:
    owners = (keras.Model, keras.layers.Layer, keras.optimizers.Optimizer, keras.losses.Loss, tf.GradientTape)
    before = [dict(vars(owner)) for owner in owners]
    with watching(tmp_path):
        run_loop(made("tape, a tf.function")[1])
    assert [dict(vars(owner)) for owner in owners] == before


@pytest.mark.parametrize("persistent", [False, True], ids=["two tapes", "one that persists"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_two_updates_after_one_forward_pass(compiled: bool, persistent: bool, tmp_path: Path) -> None:
    """Each network's training has its own loss, and shows the layers of that network."""
    keras.utils.set_random_seed(3)
    maker = keras.Sequential([keras.Input((8,)), layers.Dense(8, "relu", name="made")])
    judge = keras.Sequential([keras.Input((8,)), layers.Dense(8, "relu", name="judged"), layers.Dense(1)])
    of_maker, of_judge = keras.optimizers.SGD(1e-3), keras.optimizers.SGD(1e-3)
    shown: list[tuple[float, float]] = []

    def step(x: Any) -> Any:
        with tf.GradientTape(persistent=persistent) as one, tf.GradientTape() as two:
            said = judge(maker(x, training=True), training=True)
            loss_of_maker, loss_of_judge = tf.reduce_mean(said**2), 7.0 + tf.reduce_mean(tf.abs(said))
        for tape, loss, model, optimizer in (
            (one, loss_of_maker, maker, of_maker),
            (one if persistent else two, loss_of_judge, judge, of_judge),
        ):
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss_of_maker, loss_of_judge

    run_step = tf.function(step) if compiled else step
    with watching(tmp_path):
        for x, _ in batches():
            first, second = run_step(tf.constant(x))
            shown.append((float(first), float(second)))
    fits = only_run(tmp_path).fits
    assert len(fits) == 2
    for place, (fit, layer) in enumerate(zip(fits, ("made", "judged"), strict=True)):
        losses = fit.steps.recent_values("loss", "", "value", last=len(shown))
        np.testing.assert_allclose(losses, [pair[place] for pair in shown], rtol=1e-5)
        assert [path for path in fit.steps.paths("activation", "l2_norm") if layer in path]
        assert not [note for note in fit.info.not_watched if isinstance(note, NotMet)]


@pytest.mark.parametrize("compiled", [True, False])
def test_what_a_model_made_is_no_input(compiled: bool, tmp_path: Path) -> None:
    """The second of two models in a row is given what the first has made, and that overflows."""
    first, second = (keras.Sequential([keras.Input((8,)), layers.Dense(8)]) for _ in range(2))
    optimizer = keras.optimizers.SGD(1e-3)
    weights = [*first.trainable_variables, *second.trainable_variables]

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as recorded:
            loss = tf.reduce_mean(second(tf.exp(first(x) + y)))
        optimizer.apply_gradients(zip(recorded.gradient(loss, weights), weights, strict=True))
        return loss

    run_step, x = tf.function(step) if compiled else step, tf.constant(table()[:BATCH])
    with watching(tmp_path), pytest.raises(nanwatch.TrainingHalted):
        run_step(x, tf.constant(1000.0))
    run = only_run(tmp_path)
    assert run.info.incident is not None
    assert run.info.incident.role != "input"
    assert [(one.code, one.part) for one in diagnose(run).diagnoses[:1]] == [("NW404", "cause")]


def test_the_line_that_gives_a_model_its_input(tmp_path: Path) -> None:
    """An update, where an eager loop is taken up, says nothing of the data."""
    _, step = tape(compiled=False)
    x, y = table()[:BATCH].copy(), classes()[:BATCH, None]
    x[ROW] = np.nan
    with watching(tmp_path), pytest.raises(nanwatch.TrainingHalted):
        step(tf.constant(x), tf.constant(y))
    run = only_run(tmp_path)
    (found,) = (one for one in diagnose(run).diagnoses if one.code == "NW101")
    assert found.location is not None
    assert found.location.code == "value = measure(y, model(x, training=True))"


@pytest.mark.parametrize("compiled", [True, False])
def test_the_gradient_that_went_bad_first(compiled: bool, tmp_path: Path) -> None:
    """The backward pass comes to the last layer first: that is what the spread begins with."""
    model, step = tape(compiled=compiled, loss=lambda y, y_pred: tf.reduce_mean(tf.sqrt(y_pred * 0.0)))
    with watching(tmp_path), pytest.raises(nanwatch.TrainingHalted):
        run_loop(step, steps=1)
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.role, incident.path) == ("gradient", incident.spread[0].path)
    assert incident.path in {variable.path for variable in model.layers[-1].variables}
