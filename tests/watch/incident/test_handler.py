"""What follows a bad step: raise, stop, or continue as if nobody watched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import nanwatch
from nanwatch.record.notes import SquaresOverflowed
from nanwatch.watch.fit.callback import Watch
from tests.watch.model_kinds import (
    BATCH,
    OwnCompiledStep,
    OwnStep,
    classes,
    metrics_of,
    mlp,
    own,
    state_of,
    table,
)
from tests.watch.training import differing, only_run, watch_in

pytestmark = pytest.mark.tensorflow

GOOD, ROW = 5, 7
MODELS: dict[str, Callable[[], Any]] = {
    "graph": mlp,
    "steps_per_execution": lambda: mlp(steps_per_execution=4),
    "run_eagerly": lambda: mlp(run_eagerly=True),
    "own step": lambda: own(OwnStep),
    "own step, a tf.function": lambda: own(OwnCompiledStep),
}


def labels() -> Any:
    y = classes()
    y[GOOD * BATCH + ROW] = np.nan
    return y


class Calls(keras.callbacks.Callback):
    """What Keras called, and in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(f"batch {batch}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(f"epoch {epoch}")

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("end")


def fitted(name: str, callbacks: list[Any], batches: int | None = None) -> Any:
    keras.utils.set_random_seed(3)
    model = MODELS[name]()
    rows = None if batches is None else batches * BATCH
    model.fit(
        table()[:rows],
        labels()[:rows],
        shuffle=False,
        batch_size=BATCH,
        epochs=2,
        verbose=0,
        callbacks=callbacks,
    )
    return model


@pytest.mark.parametrize("name", MODELS)
def test_continue_is_as_if_nobody_watched(name: str, tmp_path: Path) -> None:
    """NaN and all, to the last bit; the first bad step is recorded, and every step."""
    bare = fitted(name, [])
    model = fitted(name, [watch_in(tmp_path, "continue")])
    assert any(np.isnan(array).any() for array in state_of(bare))
    assert differing(state_of(model), state_of(bare)) == []
    assert differing(metrics_of(model), metrics_of(bare)) == []
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert (run.info.status, run.fits[0].info.status, run.fits[0].info.steps) == ("finished", "finished", 16)
    incident = run.info.incident
    assert incident is not None
    assert (incident.step, incident.role, incident.action, incident.frozen) == (
        GOOD,
        "label",
        "continue",
        False,
    )
    losses = [loss for _, loss in run.fits[0].losses()]
    assert np.isfinite(losses[:GOOD]).all()
    assert not np.isfinite(losses[GOOD:]).any()


@pytest.mark.parametrize("name", MODELS)
def test_stop_lets_fit_end_by_itself(name: str, tmp_path: Path) -> None:
    calls = Calls()
    model = fitted(name, [watch_in(tmp_path, "stop"), calls])
    keras.utils.set_random_seed(3)
    bare = MODELS[name]()
    bare.fit(table()[: GOOD * BATCH], labels()[: GOOD * BATCH], shuffle=False, batch_size=BATCH, verbose=0)
    assert differing(state_of(model), state_of(bare)) == []
    assert model.stop_training
    assert calls.calls[-1] == "end"
    assert [call for call in calls.calls if "epoch" in call] == ["epoch 0"]
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert run.info.status == run.fits[0].info.status == "halted"
    assert run.info.incident is not None
    assert (run.info.incident.step, run.info.incident.action) == (GOOD, "stop")
    assert run.info.incident.frozen


def test_raise_leaves_fit_at_once(tmp_path: Path) -> None:
    """Before a callback could save what follows."""
    calls = Calls()
    with pytest.raises(nanwatch.TrainingHalted, match="label 0 became nan at step 5") as halt:
        fitted("graph", [watch_in(tmp_path), calls])
    assert calls.calls == [f"batch {number}" for number in range(GOOD)]
    assert isinstance(halt.value, RuntimeError)
    (place,) = tmp_path.iterdir()
    assert str(place) in str(halt.value)


def test_a_watch_is_told_what_it_can_do() -> None:
    with pytest.raises(ValueError, match='on_incident must be "raise", "stop" or "continue", not \'halt\''):
        Watch(on_incident="halt")  # type: ignore[arg-type]


def test_nothing_is_watched_when_it_is_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANWATCH_DISABLE", "1")
    model = fitted("graph", [watch_in(tmp_path)])
    bare = fitted("graph", [])
    assert differing(state_of(model), state_of(bare)) == []
    assert list(tmp_path.iterdir()) == []


def test_evaluate_and_predict_are_left_alone(tmp_path: Path) -> None:
    watch = watch_in(tmp_path)
    model = mlp()
    model.evaluate(table(), classes(), verbose=0, callbacks=[watch])
    model.predict(table(), verbose=0, callbacks=[watch])
    assert list(tmp_path.iterdir()) == []


def test_an_exception_of_the_step(tmp_path: Path) -> None:
    """It is the script's own, and goes to the script; the fit is closed with its words."""
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    y = np.zeros(len(table()), "int32")
    y[GOOD * BATCH + ROW] = 9
    with pytest.raises(Exception, match="Received a label value of 9"):
        model.fit(table(), y, shuffle=False, batch_size=BATCH, verbose=0, callbacks=[watch_in(tmp_path)])
    (fit,) = only_run(tmp_path).fits
    assert fit.info.status == "crashed"
    assert fit.info.steps == GOOD
    assert [step for step, _ in fit.losses()] == list(range(GOOD))
    assert "Received a label value of 9" in str(fit.info.error)


def test_an_exception_of_another_callback(tmp_path: Path) -> None:
    class Failing(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 3:
                raise ValueError("of the script's own")

    with pytest.raises(ValueError, match="of the script's own"):
        fitted("graph", [watch_in(tmp_path), Failing()])
    run = only_run(tmp_path)
    assert run.info.incident is None
    assert run.info.errors == ()


def test_early_stopping(tmp_path: Path) -> None:
    bare, model = mlp(), None
    for folder in (None, tmp_path):
        keras.utils.set_random_seed(3)
        model = mlp()
        stop = keras.callbacks.EarlyStopping("loss", min_delta=9.0, restore_best_weights=True)
        callbacks = [stop] if folder is None else [stop, watch_in(folder)]
        model.fit(table(), classes(), batch_size=BATCH, epochs=6, verbose=0, callbacks=callbacks)
        bare = model if folder is None else bare
    assert differing(state_of(model), state_of(bare)) == []
    (fit,) = only_run(tmp_path).fits
    assert (fit.info.status, fit.info.epochs, fit.info.epochs_asked, fit.info.steps) == ("finished", 2, 6, 16)


@pytest.mark.parametrize("compiled", [{"run_eagerly": True}, {"jit_compile": True}, {"jit_compile": False}])
def test_weights_that_a_finite_gradient_ruined_are_told_as_that(
    tmp_path: Path, compiled: dict[str, bool]
) -> None:
    """Its squares overflow, in the sentinels as in Adam; itself it is finite, and is not said to be bad."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1e-6), lambda y, answer: 1e25 * answer, **compiled)
    with pytest.raises(nanwatch.TrainingHalted, match=r"The weight .* became nan"):
        model.fit(np.ones((32, 4)), np.ones(32), batch_size=8, verbose=0, callbacks=[watch_in(tmp_path)])
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.role, incident.frozen) == ("weight", False)
    assert SquaresOverflowed("Adam", incident.path) in incident.notes
