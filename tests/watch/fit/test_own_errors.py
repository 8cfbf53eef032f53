"""An error of nanwatch's own is recorded, and the training goes on as if nobody watched."""

from __future__ import annotations

import errno
import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import nanwatch
from tests.watch.fit.test_loops import run_loop, tape, watching
from tests.watch.model_kinds import BATCH, OwnCompiledStep, OwnStep, classes, mlp, own, state_of, table
from tests.watch.training import differing, far_apart, only_run, watch_in

pytestmark = pytest.mark.tensorflow

WORDS = "a fault of nanwatch's own"
# Where it may go wrong, from the first line of a fit to the last.
PLACES = [
    "nanwatch.watch.fit.fit_observer:FitObserver.begin",
    "nanwatch.watch.fit.fit_observer:FitObserver.drain_into",
    "nanwatch.watch.fit.fit_observer:FitObserver.learn_model",
    "nanwatch.watch.fit.fit_observer:FitObserver.begin_epoch",
    "nanwatch.watch.fit.fit_observer:FitObserver.end_epoch",
    "nanwatch.watch.fit.fit_observer:FitObserver.end",
    "nanwatch.watch.fit.fit_observer:FitObserver.on_inspection",
    "nanwatch.watch.train_step.step_recorder:StepRecorder.report_inspection",
    "nanwatch.watch.fit.callback:observe_model",
    "nanwatch.watch.data.fit_arrays:data_of",
    "nanwatch.watch.model.description:describe",
    "nanwatch.watch.model.outputs:outputs_of",
    "nanwatch.watch.recording.fit_recorder:FitRecorder.add_rows",
    "nanwatch.watch.recording.fit_recorder:FitRecorder.add_inspection",
    "nanwatch.watch.recording.fit_recorder:FitRecorder.end",
    "nanwatch.watch.train_step.inspection:array_health",
    "nanwatch.watch.train_step.inspection:output_health",
    "nanwatch.watch.data.profile:Profile.add",
    "nanwatch.watch.data.profile:Profile.summary",
    "nanwatch.watch.recording.series_writer:SeriesWriter.add",
    "nanwatch.record.write:RunWriter.save_run",
    "nanwatch.record.write:RunWriter.series",
    "nanwatch.record.events:EventLog.append",
    # inside the step, while it is traced:
    "nanwatch.watch.data.batch:split_batch",
    "nanwatch.watch.data.batch:number_of_rows",
    "nanwatch.watch.keras_seam.keras3:Keras3.layers_of",
    "nanwatch.watch.keras_seam.keras3:Keras3.scale_of_loss",
    "nanwatch.watch.train_step.row_cells:behind_reshapes",
    "nanwatch.watch.train_step.inspection:affordable_activations",
    "nanwatch.watch.train_step.inspection:weight_samples",
    "nanwatch.watch.train_step.step_recorder:StepRecorder.cells",
    "nanwatch.watch.train_step.step_recorder:StepRecorder.batch_cells",
    "nanwatch.watch.train_step.step_recorder:StepRecorder.record",
    "nanwatch.watch.train_step.step_recorder:StepRecorder.remember",
    "nanwatch.watch.train_step.step_recorder:StepRecorder.lay_out",
    "nanwatch.watch.train_step.row_cells:half_square_sum",
    "nanwatch.watch.train_step.update_guard:half_square_sum",
    "nanwatch.watch.train_step.update_guard:surely_finite",
    "nanwatch.watch.train_step.update_guard:batch_loss",
    "nanwatch.watch.train_step.update_guard:UpdateGuard.weigh",
    "nanwatch.watch.train_step.traced_step:TracedStep.keep",
    "nanwatch.watch.train_step.traced_step:TracedStep.restore",
    "nanwatch.watch.train_step.step_observation:note_call",
    "nanwatch.watch.train_step.step_observation:named_tensors",
    "nanwatch.watch.keras_seam.keras3:Keras3.compiled_loss",
    "nanwatch.watch.keras_seam.keras3:Keras3.optimizers_of",
    "nanwatch.watch.train_step.step_observation:wrap_held",
    "nanwatch.watch.train_step.step_observation:take",
    "nanwatch.watch.keras_seam.patches:Patches.wrap",
    "nanwatch.watch.train_step.state_check:StateCheck.begin",
    "nanwatch.watch.train_step.state_check:StateCheck.lay_out",
    "nanwatch.watch.train_step.state_check:StateCheck.suspicious",
    "nanwatch.watch.train_step.state_check:StateCheck.went_bad",
    "nanwatch.watch.train_step.state_check:StateCheck.bad_now",
    "nanwatch.watch.incident.handler:IncidentHandler.find_bad_state",
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


def plain() -> Any:
    """A model whose optimizer is traced in a moment, for what has nothing to do with optimizers."""
    return mlp("sgd")


def run_otherwise(how: str) -> Any:
    return mlp("sgd", **{how: True})


@functools.cache
def bare(make: Callable[..., Any], *given: Any) -> list[Any]:
    return trained(lambda: make(*given), [])


@pytest.mark.parametrize("place", PLACES)
def test_the_training_goes_on(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bare(plain)
    broken(monkeypatch, place)
    watch = watch_in(tmp_path)
    assert differing(trained(plain, [watch]), expected) == []
    assert watch.recorder is not None
    assert any(WORDS in error.message for error in watch.recorder.info.errors)
    monkeypatch.undo()
    if "RunWriter.save" not in place:
        assert any(WORDS in error.message for error in only_run(tmp_path).info.errors)


@pytest.mark.parametrize("how", ["run_eagerly", "jit_compile"])
@pytest.mark.parametrize(
    "place", ["step_recorder:StepRecorder.cells", "update_guard:surely_finite", "inspection:weight_samples"]
)
def test_however_the_step_is_run(
    place: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = bare(run_otherwise, how)
    broken(monkeypatch, f"nanwatch.watch.train_step.{place}")
    watch = watch_in(tmp_path)
    found = trained(lambda: run_otherwise(how), [watch])
    assert far_apart(found, expected, 1e-5 if how == "jit_compile" else 0.0) == []
    assert watch.recorder is not None
    assert any(WORDS in error.message for error in watch.recorder.info.errors)


LOOP_PLACES = [
    "fit.loops:Loops.can_be_watched",
    "fit.loops:Loops.begin",
    "fit.loops:note_target",
    "fit.loops:observe_loop",
    "fit.fit_observer:FitObserver.begin",
    "fit.fit_observer:FitObserver.begin_loop",
    "fit.fit_observer:FitObserver.drain",
    "fit.fit_observer:FitObserver.drain_into",
    "fit.fit_observer:FitObserver.learn_model",
    "fit.fit_observer:FitObserver.on_inspection",
    "train_step.step_recorder:StepRecorder.is_drain_due",
    "train_step.step_recorder:StepRecorder.report_inspection",
    "train_step.step_recorder:StepRecorder.cells",
    "train_step.step_recorder:StepRecorder.lay_out",
    "train_step.step_recorder:StepRecorder.record",
    "train_step.step_recorder:StepRecorder.remember",
    "train_step.tape_recording:find_broadcasts",
    "train_step.tape_recording:TapeRecording.stop_meeting",
    "train_step.tape_recording:TapeRecording.note_tape",
    "train_step.tape_recording:TapeRecording.loss_of",
    "train_step.tape_recording:TapeRecording.model_of",
    "train_step.tape_recording:TapeRecording.note_applied",
    "train_step.eager_ops:EagerOps.start",
    "train_step.eager_ops:user_line",
    "train_step.graph_places:places_of",
    "train_step.held_values:values_to_hold",
    "train_step.tape_step:TapeStepRecorder.weigh",
    "train_step.tape_step:TapeStepRecorder.batch_cells",
    "train_step.tape_step:half_square_sum",
    "train_step.tape_step:usable_tensors",
    "train_step.step_observation:note_call",
    "train_step.update_guard:UpdateGuard.is_bad",
    "train_step.update_guard:surely_finite",
    "data.batch:named_tensors",
    "keras_seam.keras3:Keras3.layers_of",
    "keras_seam.keras3:Keras3.scale_of_loss",
    "keras_seam.patches:Patches.wrap",
]


OF_GRAPHS = {  # places that an eager loop does not come to
    "train_step.tape_recording:find_broadcasts",
    "train_step.graph_places:places_of",
    "train_step.held_values:values_to_hold",
}
OF_EAGER_STEPS = {"train_step.eager_ops:EagerOps.start", "train_step.eager_ops:user_line"}


def run_a_loop(compiled: bool) -> list[Any]:
    keras.utils.set_random_seed(3)
    model, step = tape(compiled)
    losses = run_loop(step)
    return [*state_of(model), np.array(losses)]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("place", LOOP_PLACES)
def test_a_loop_goes_on(place: str, compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bare_loop(compiled)
    with watching(tmp_path) as recorder:
        broken(monkeypatch, f"nanwatch.watch.{place}")
        assert differing(run_a_loop(compiled), expected) == []
    monkeypatch.undo()
    if place not in (OF_EAGER_STEPS if compiled else OF_GRAPHS):
        assert any(WORDS in error.message for error in recorder.info.errors)


@functools.cache
def bare_loop(compiled: bool) -> list[Any]:
    return run_a_loop(compiled)


@pytest.mark.parametrize("cls", [OwnStep, OwnCompiledStep])
@pytest.mark.parametrize(
    "place",
    [
        "train_step.update_guard:half_square_sum",
        "train_step.update_guard:UpdateGuard.weigh",
        "train_step.update_guard:loss_of_step",
        "train_step.update_guard:UpdateGuard.note_update",
        "keras_seam.tensorflow_names:trace_again",
        "keras_seam.tensorflow_names:copy_of_function",
        "keras_seam.keras3:Keras3.trained_by",
        "keras_seam.keras3:Keras3.variables_of",
        "train_step.traced_step:TracedStep.before_update",
        "train_step.traced_step:TracedStep.updated_before",
        "train_step.traced_step:TracedStep.reserve_written",
        "train_step.variable_writes:find_written",
    ],
)
def test_in_a_step_of_the_scripts_own(
    place: str, cls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = bare(own, cls)
    broken(monkeypatch, f"nanwatch.watch.{place}")
    assert differing(trained(lambda: own(cls), [watch_in(tmp_path)]), expected) == []


@functools.cache
def after_good_batches() -> list[Any]:
    keras.utils.set_random_seed(3)
    model = mlp()
    good = 5 * BATCH
    model.fit(table()[:good], classes()[:good], shuffle=False, batch_size=BATCH, verbose=0)
    return state_of(model)


@pytest.mark.parametrize(
    "place",
    [
        "nanwatch.watch.incident.graph_autopsy:perform",
        "nanwatch.watch.incident.graph_rows:find_guilty_rows",
        "nanwatch.watch.train_step.held_values:values_to_hold",
        "nanwatch.watch.incident.description:describe",
        "nanwatch.watch.incident.description:first_bad",
        "nanwatch.watch.train_step.model_step:rebuild_batch",
        "nanwatch.watch.incident.snapshot:save",
        "nanwatch.watch.recording.run_recorder:RunRecorder.add_incident",
    ],
)
def test_a_halt_is_a_halt(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be told of a bad step changes nothing of its being held back."""
    y = classes()
    y[5 * BATCH :] = float("nan")
    expected = after_good_batches()
    broken(monkeypatch, place)
    watch = watch_in(tmp_path)
    keras.utils.set_random_seed(3)
    model = mlp()
    with pytest.raises(nanwatch.TrainingHalted, match="at step 5"):
        model.fit(table(), y, shuffle=False, batch_size=BATCH, verbose=0, callbacks=[watch])
    assert differing(state_of(model), expected) == []
    assert watch.recorder is not None
    assert any(WORDS in error.message for error in watch.recorder.info.errors)


@pytest.mark.parametrize(
    "place",
    ["record.write:RunWriter.save_run", "record.events:EventLog.append", "record.write:RunWriter.series"],
)
def test_a_full_disk(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bare(plain)
    watch = watch_in(tmp_path)
    broken(monkeypatch, f"nanwatch.{place}", OSError(errno.ENOSPC, "No space left on device"))
    assert differing(trained(plain, [watch]), expected) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """In a notebook: the training is worth more than its record, and the missing record a warning."""
    (tmp_path / "logs").write_text("a file")
    with pytest.warns(UserWarning, match="logs"):
        state = trained(plain, [watch_in(tmp_path / "logs")])
    assert differing(state, bare(plain)) == []
