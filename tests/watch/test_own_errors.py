"""An error of nanwatch's own is recorded, and the training goes on as if nobody watched."""

from __future__ import annotations

import errno
import importlib
from pathlib import Path
from typing import Any

import keras
import pytest

import nanwatch
from tests.watch.model_kinds import BATCH, OwnCompiledStep, OwnStep, classes, mlp, own, state_of, table
from tests.watch.training import differing, far_apart, only_run, watch_in

pytestmark = pytest.mark.tensorflow

WORDS = "a fault of nanwatch's own"
# Where it may go wrong, from the first line of a fit to the last.
PLACES = [
    "nanwatch.watch.observer:Observer.begin",
    "nanwatch.watch.observer:Observer.drain_into",
    "nanwatch.watch.observer:Observer.learn_model",
    "nanwatch.watch.observer:Observer.epoch",
    "nanwatch.watch.observer:Observer.epoch_end",
    "nanwatch.watch.observer:Observer.end",
    "nanwatch.watch.callback:attach",
    "nanwatch.watch.fit_data:data_of",
    "nanwatch.watch.model_facts:describe",
    "nanwatch.watch.heads:outputs_of",
    "nanwatch.watch.fit_record:FitRecord.add_rows",
    "nanwatch.watch.fit_record:FitRecord.add_look",
    "nanwatch.watch.fit_record:FitRecord.end",
    "nanwatch.watch.look:health",
    "nanwatch.watch.look:output_health",
    "nanwatch.watch.profile:Profile.add",
    "nanwatch.watch.profile:Profile.summary",
    "nanwatch.watch.rows:Recorder.add",
    "nanwatch.record.write:RunWriter.save",
    "nanwatch.record.write:RunWriter.series",
    "nanwatch.record.events:EventLog.append",
    # inside the step, while it is traced:
    "nanwatch.watch.batch:split",
    "nanwatch.watch.batch:number_of_rows",
    "nanwatch.watch.keras_names:layers_of",
    "nanwatch.watch.keras_names:unscaled_factor",
    "nanwatch.watch.keras_names:learning_rate_of",
    "nanwatch.watch.look:affordable",
    "nanwatch.watch.look:weight_samples",
    "nanwatch.watch.step_recorder:StepRecorder.cells",
    "nanwatch.watch.step_recorder:StepRecorder.batch_cells",
    "nanwatch.watch.step_recorder:StepRecorder.record",
    "nanwatch.watch.step_recorder:StepRecorder.remember",
    "nanwatch.watch.step_recorder:StepRecorder.lay_out",
    "nanwatch.watch.step_recorder:half_square_sum",
    "nanwatch.watch.guard:half_square_sum",
    "nanwatch.watch.guard:surely_finite",
    "nanwatch.watch.guard:loss_seen",
    "nanwatch.watch.guard:Guard.weigh",
    "nanwatch.watch.step:Seen.keep",
    "nanwatch.watch.step:Seen.restore",
    "nanwatch.watch.step:note_call",
    "nanwatch.watch.step:named",
    "nanwatch.watch.keras_names:see_data_loss",
    "nanwatch.watch.keras_names:optimizers_of",
    "nanwatch.watch.step:see_tape",
    "nanwatch.watch.state_watch:StateWatch.begin",
    "nanwatch.watch.state_watch:StateWatch.lay_out",
    "nanwatch.watch.state_watch:StateWatch.suspicious",
    "nanwatch.watch.state_watch:StateWatch.went_bad",
    "nanwatch.watch.state_watch:StateWatch.bad_now",
]


def broken(monkeypatch: pytest.MonkeyPatch, place: str, error: Exception | None = None) -> None:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *owners, name = path.split(".")
    for step in owners:
        owner = getattr(owner, step)
    assert callable(getattr(owner, name))

    def fails(*args: Any, **kwargs: Any) -> Any:
        raise error or ArithmeticError(WORDS)

    monkeypatch.setattr(owner, name, fails)


def trained(make: Any, callbacks: list[Any]) -> list[Any]:
    keras.utils.set_random_seed(3)
    model = make()
    model.fit(table(), classes(), batch_size=BATCH, verbose=0, callbacks=callbacks)
    assert model.optimizer.iterations.numpy() == 8
    return state_of(model)


@pytest.fixture(scope="module")
def bare() -> list[Any]:
    return trained(mlp, [])


@pytest.mark.parametrize("place", PLACES)
def test_the_training_goes_on(
    place: str, bare: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, place)
    watch = watch_in(tmp_path)
    assert differing(trained(mlp, [watch]), bare) == []
    assert watch.witness is not None
    assert any(WORDS in error for error in watch.witness.info.errors)
    monkeypatch.undo()
    if "RunWriter.save" not in place:
        assert any(WORDS in error for error in only_run(tmp_path).info.errors)


@pytest.mark.parametrize("how", ["run_eagerly", "jit_compile"])
@pytest.mark.parametrize(
    "place", ["step_recorder:StepRecorder.cells", "guard:surely_finite", "look:weight_samples"]
)
def test_however_the_step_is_run(
    place: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make() -> Any:
        return mlp(**{how: True})

    expected = trained(make, [])
    broken(monkeypatch, f"nanwatch.watch.{place}")
    watch = watch_in(tmp_path)
    assert far_apart(trained(make, [watch]), expected, 1e-5 if how == "jit_compile" else 0.0) == []
    assert watch.witness is not None
    assert any(WORDS in error for error in watch.witness.info.errors)


@pytest.mark.parametrize("cls", [OwnStep, OwnCompiledStep])
@pytest.mark.parametrize(
    "place",
    [
        "guard:half_square_sum",
        "guard:Guard.weigh",
        "guard:loss_of_step",
        "keras_names:copy_of_function",
        "keras_names:trained_by",
        "keras_names:variables_of",
        "step:Seen.before_update",
        "step:Seen.updated_before",
        "step:Seen.reserve_written",
        "writes:written",
    ],
)
def test_in_a_step_of_the_scripts_own(
    place: str, cls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(lambda: own(cls), [])
    broken(monkeypatch, f"nanwatch.watch.{place}")
    assert differing(trained(lambda: own(cls), [watch_in(tmp_path)]), expected) == []


@pytest.mark.parametrize(
    "place",
    [
        "nanwatch.watch.autopsy:perform",
        "nanwatch.watch.incident:describe",
        "nanwatch.watch.incident:first_bad",
        "nanwatch.watch.incident:rebuilt",
        "nanwatch.watch.snapshot:save",
        "nanwatch.watch.witness:Witness.add_incident",
    ],
)
def test_a_halt_is_a_halt(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be told of a bad step changes nothing of its being held back."""
    y = classes()
    y[5 * BATCH :] = float("nan")
    keras.utils.set_random_seed(3)
    expected = mlp()
    expected.fit(table()[: 5 * BATCH], y[: 5 * BATCH], shuffle=False, batch_size=BATCH, verbose=0)
    broken(monkeypatch, place)
    watch = watch_in(tmp_path)
    keras.utils.set_random_seed(3)
    model = mlp()
    with pytest.raises(nanwatch.TrainingHalted, match="at step 5"):
        model.fit(table(), y, shuffle=False, batch_size=BATCH, verbose=0, callbacks=[watch])
    assert differing(state_of(model), state_of(expected)) == []
    assert watch.witness is not None
    assert any(WORDS in error for error in watch.witness.info.errors)


@pytest.mark.parametrize(
    "place", ["record.write:RunWriter.save", "record.events:EventLog.append", "record.write:RunWriter.series"]
)
def test_a_full_disk(place: str, bare: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watch_in(tmp_path)
    broken(monkeypatch, f"nanwatch.{place}", OSError(errno.ENOSPC, "No space left on device"))
    assert differing(trained(mlp, [watch]), bare) == []


def test_a_folder_that_cannot_be_made(bare: list[Any], tmp_path: Path) -> None:
    """In a notebook: the training is worth more than its record, and the missing record a warning."""
    (tmp_path / "logs").write_text("a file")
    with pytest.warns(UserWarning, match="logs"):
        state = trained(mlp, [watch_in(tmp_path / "logs")])
    assert differing(state, bare) == []
