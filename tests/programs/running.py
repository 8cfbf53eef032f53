"""Runs many scripts under nanwatch in one process: TensorFlow is imported once."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanwatch.explain import as_json, reporting
from nanwatch.explain.notes import own_error_words
from nanwatch.record.facts import OnIncident
from nanwatch.watch.keras_seam.chosen import chosen
from nanwatch.watch.launch.script import run_program
from nanwatch.watch.launch.starting import Program
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.watched_run import end_record
from tests.contradictions import contradictions


def report_on(
    script: Path, log_dir: Path, on_incident: OnIncident = "raise", prove: float = 0.0
) -> dict[str, Any]:
    """Run ``script`` as ``nanwatch run --prove`` does; what ``explain --format json`` says of the run."""
    import keras

    keras.backend.clear_session()
    if chosen() == 2:  # whose policy that leaves as the script before has set it
        keras.mixed_precision.set_global_policy("float32")
    with silence():
        recorder = RunRecorder(log_dir, str(script), (str(script),))
        recorder.keeps_trainings = prove > 0
        with seams(keras, recorder, on_incident):
            ending = run_program(Program(str(script)))
        end_record(recorder, ending)
    report = reporting.report_on(recorder.folder, held=held_run(recorder, prove))
    said: dict[str, Any] = json.loads(as_json.render(report))
    said["contradictions"] = contradictions(report)
    raised = report.run.info.raised
    said["raised"] = "" if raised is None else f"{raised.type}: {raised.message}"
    untried = reporting.report_of(replace(report.run, trials=()))
    said["untried"] = json.loads(as_json.render(untried))["diagnoses"]
    said["own_errors"] = [*map(own_error_words, report.run.info.errors), *report.run.damage]
    return said


def held_run(recorder: RunRecorder, seconds: float) -> reporting.Held | None:
    """What remedies are tried on for so long; None where no time is given."""
    if not seconds:
        return None
    from nanwatch.replay.held_run import HeldRun

    return HeldRun(recorder, seconds)


@contextlib.contextmanager
def seams(keras: Any, recorder: RunRecorder, on_incident: OnIncident) -> Iterator[None]:
    """What ``nanwatch run`` patches when the script imports Keras, for the time of the block."""
    from nanwatch.watch import import_hook

    import_hook.listen_to_warnings(recorder)
    import_hook.take_seams(keras, recorder, on_incident)
    try:
        yield
    finally:
        recorder.patches.undo()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """The scripts' own output goes nowhere, and ``sys.argv``, ``__main__`` and path come back."""
    argv, path, main = sys.argv, list(sys.path), sys.modules["__main__"]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = argv, path, main
