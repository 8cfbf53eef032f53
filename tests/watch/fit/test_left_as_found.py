"""After a watched fit a model and Keras are as they were found; several fits, several models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nanwatch
from nanwatch.record.read import read_run
from nanwatch.watch.recording.run_recorder import RunRecorder
from tests.programs.running import seams
from tests.watch.model_kinds import (
    BATCH,
    OwnCompiledStep,
    OwnStep,
    Subclassed,
    classes,
    compiled,
    mlp,
    own,
    state_of,
    table,
)
from tests.watch.training import differing, only_run, watch_in

pytestmark = pytest.mark.tensorflow

OWNERS = (
    keras.Model,
    keras.layers.Layer,
    keras.layers.Dense,
    keras.Operation,
    keras.optimizers.Optimizer,
    keras.optimizers.Adam,
    keras.losses.Loss,
    keras.Sequential,
    tf.GradientTape,
    type(tf.function(lambda: None)),
)


def fit(model: Any, callbacks: list[Any], **given: Any) -> None:
    model.fit(table(), classes(), **{"batch_size": BATCH, "verbose": 0, "callbacks": callbacks, **given})


@pytest.mark.parametrize(
    "make", [mlp, lambda: compiled(Subclassed()), lambda: own(OwnStep), lambda: mlp(jit_compile=True)]
)
def test_nothing_of_ours_stays(make: Any, tmp_path: Path) -> None:
    before = [dict(vars(owner)) for owner in OWNERS]
    model = make()
    fit(model, [])  # builds what Keras builds
    things = [model, model.optimizer, *model.layers]
    had = [set(vars(thing)) for thing in things]
    jit = model.jit_compile
    fit(model, [watch_in(tmp_path)])
    assert [dict(vars(owner)) for owner in OWNERS] == before
    more = [set(vars(thing)) - names for thing, names in zip(things, had, strict=True)]
    assert set.union(*more) == set()
    assert model.train_step.__func__ is type(model).train_step
    assert model.jit_compile == jit
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    fit(model, [])  # by the function that Keras has kept
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_warnings_are_shown_as_before(tmp_path: Path) -> None:
    import warnings

    show = warnings.showwarning
    fit(mlp(), [watch_in(tmp_path)])
    assert warnings.showwarning is show


@pytest.mark.parametrize("make", [mlp, lambda: mlp(run_eagerly=True), lambda: own(OwnCompiledStep)])
def test_watched_and_bare_fits_take_turns(make: Any, tmp_path: Path) -> None:
    """bare, watched, bare, watched: as four bare ones."""
    models = []
    for under_watch in (False, True):
        keras.utils.set_random_seed(3)
        model = make()
        for number in range(4):
            callbacks = [watch_in(tmp_path / str(number))] if under_watch and number % 2 else []
            fit(model, callbacks)
        models.append(state_of(model))
    assert differing(*models) == []
    for number in (1, 3):
        run = only_run(tmp_path / str(number))
        assert (run.info.errors, run.fits[0].info.steps, run.info.status) == ((), 8, "finished")
        assert len({loss for _, loss in run.fits[0].losses()}) == 8


class Counted(OwnStep):
    """Counts how often its step is traced."""

    traced = 0

    def train_step(self, data: Any) -> Any:
        self.traced += 1
        return super().train_step(data)


def test_a_step_is_traced_as_often_as_bare(tmp_path: Path) -> None:
    counts = []
    for under_watch in (False, True):
        for built in (False, True):
            keras.utils.set_random_seed(3)
            model: Any = own(Counted)
            if built:
                model.optimizer.build(model.trainable_variables)
            fit(model, [watch_in(tmp_path / str(built))] if under_watch else [])
            counts.append(model.traced)
    assert counts[2:] == counts[:2]


@pytest.mark.parametrize(
    ("fits", "traced"),
    [
        # A bare step whose variables are there is traced once; what a bad step is answered with is no part
        # of the step.
        ("watched watched bare watched bare stopping", [2, 0, 1, 0, 0, 0]),
        ("bare watched bare", [2, 1, 0]),
        # But whether it is held back is; and Keras throws away what it has compiled.
        ("watched going_on compiled watched watched", [2, 1, 2, 0]),
    ],
)
def test_nothing_is_traced_anew_while_nothing_has_changed(
    fits: str, traced: list[int], tmp_path: Path
) -> None:
    models, counts = [], list[int]()
    for under_watch in (False, True):
        keras.utils.set_random_seed(3)
        model: Any = own(Counted)
        for number, kind in enumerate(fits.split()):
            before, folder = model.traced, tmp_path / str(number)
            if kind == "compiled":
                compiled(model)
                continue
            answer = {"stopping": "stop", "going_on": "continue"}.get(kind, "raise")
            watches = [watch_in(folder, answer)] if under_watch and kind != "bare" else []
            fit(model, watches, validation_data=(table(), classes()))
            counts += [model.traced - before] if under_watch else []
            if watches:
                run = only_run(folder)
                assert (run.info.errors, run.fits[0].info.steps, run.info.status) == ((), 8, "finished")
                assert len({loss for _, loss in run.fits[0].losses()}) == 8
        models.append(state_of(model))
    assert counts == traced
    assert differing(*models) == []


def test_an_incident_in_a_later_fit_is_told_as_in_a_first_one(tmp_path: Path) -> None:
    """By the step that an earlier fit has traced; and the model then goes on by itself."""
    bad = table().copy()
    bad[5] = np.finfo(np.float32).max
    found = []
    for name, fits_before in (("first", 0), ("third", 2)):
        keras.utils.set_random_seed(3)
        model: Any = own(Counted)
        for number in range(fits_before):
            fit(model, [watch_in(tmp_path / str(number))])
        before = model.traced
        with pytest.raises(nanwatch.TrainingHalted):
            model.fit(bad, classes(), batch_size=BATCH, shuffle=False, callbacks=[watch_in(tmp_path / name)])
        assert model.traced - before == (0 if fits_before else 2)
        incident = only_run(tmp_path / name).info.incident
        assert incident is not None
        assert incident.op is not None
        found.append((incident.step, incident.role, incident.op.type, incident.bad_rows, incident.notes))
        assert "train_step" not in vars(model)
        fit(model, [])
        assert only_run(tmp_path / name).fits[0].info.steps == incident.step + 1
    assert found[0] == found[1]
    assert found[0][3] == (5,)


def test_a_fit_after_nanwatch_was_turned_off_is_bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = RunRecorder(tmp_path, "train.py", ())
    with seams(keras, recorder, "raise"):
        model: Any = own(Counted)
        fit(model, [])
        monkeypatch.setenv("NANWATCH_DISABLE", "1")
        fit(model, [])
        monkeypatch.delenv("NANWATCH_DISABLE")
        before = model.traced
        fit(model, [])
        assert model.traced == before
    recorder.end("finished", 0)
    fit(model, [])
    assert model.traced == before
    assert recorder.info.errors == ()
    assert [(found.kind, found.steps) for found in recorder.fits.values()] == [("fit", 8), ("fit", 8)]


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_fit_and_then_batches_by_hand(run_eagerly: bool, tmp_path: Path) -> None:
    models = []
    for under_watch in (False, True):
        keras.utils.set_random_seed(3)
        model = mlp(run_eagerly=run_eagerly)
        fit(model, [watch_in(tmp_path / str(run_eagerly))] if under_watch else [])
        model.train_on_batch(table()[:BATCH], classes()[:BATCH])
        models.append(state_of(model))
    assert differing(*models) == []


def test_one_watch_for_several_fits(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    bare, model = mlp(), None
    for _ in range(3):
        fit(bare, [])
    watch = watch_in(tmp_path)
    keras.utils.set_random_seed(3)
    model = mlp()
    for _ in range(3):
        fit(model, [watch])
    assert differing(state_of(model), state_of(bare)) == []
    fits = [fit for run in map(read_run, sorted(tmp_path.iterdir())) for fit in run.fits]
    assert [found.info.steps for found in fits] == [8, 8, 8]
    assert all(len(found.losses()) == 8 for found in fits)


def test_a_model_whose_layers_are_thawed_and_compiled_again(tmp_path: Path) -> None:
    watch, model = watch_in(tmp_path), mlp()
    model.layers[0].trainable = False
    compiled(model)
    fit(model, [watch])
    model.layers[0].trainable = True
    compiled(model)
    fit(model, [watch])
    fits = [fit for run in map(read_run, sorted(tmp_path.iterdir())) for fit in run.fits]
    assert [len(found.steps.paths("gradient", "l2_norm")) for found in fits] == [4, 6]
    assert [found.info.trainable for found in fits] == [4, 6]


def test_two_models_in_turns(tmp_path: Path) -> None:
    """One watch, as a script may share it between a pair of models."""
    watch = watch_in(tmp_path)
    first, second = mlp(), compiled(Subclassed())
    for model in (first, second, first):
        fit(model, [watch])
    runs = [read_run(place) for place in sorted(tmp_path.iterdir())]
    assert [run.info.errors for run in runs] == [()] * len(runs)
    assert [found.model.type for run in runs for found in run.fits] == [
        "Sequential",
        "Subclassed",
        "Sequential",
    ]


def test_a_fit_inside_a_fit(tmp_path: Path) -> None:
    """A callback of one training that trains another model."""

    class Inner(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            fit(inner, [watch_in(tmp_path / "inner")])

    inner = mlp()
    fit(mlp(), [watch_in(tmp_path / "outer"), Inner()])
    for name in ("outer", "inner"):
        run = only_run(tmp_path / name)
        assert (run.info.errors, run.fits[0].info.steps, run.info.status) == ((), 8, "finished")


def saved_state(model: Any) -> list[Any]:
    """Keras saves all but the seeds of random layers."""
    return [variable.numpy() for variable in (*model.weights, *model.optimizer.variables)]


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
def test_saving_and_cloning_a_watched_model(tmp_path: Path) -> None:
    """What nanwatch hangs on a model is no part of it."""

    class Saving(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.save(tmp_path / "model.keras")
            self.model.save_weights(tmp_path / "model.weights.h5")
            self.copy = keras.models.clone_model(self.model)

    saving = Saving()
    model = mlp()
    fit(model, [watch_in(tmp_path / "runs"), saving])
    again = keras.models.load_model(tmp_path / "model.keras")
    assert differing(saved_state(again), saved_state(model)) == []
    assert [layer.name for layer in saving.copy.layers] == [layer.name for layer in model.layers]
