"""Runs many scripts under nanwatch in one process: TensorFlow is imported once."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nanwatch.explain import as_json, reporting
from nanwatch.explain.notes import own_error_words
from nanwatch.watch.launch.script import run_script
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.watched_run import end_record


def report_on(script: Path, log_dir: Path, on_incident: str = "raise") -> dict[str, Any]:
    """Run ``script`` as ``nanwatch run`` does; what ``explain --format json`` says of the run."""
    import keras

    keras.backend.clear_session()
    with silence():
        recorder = RunRecorder(log_dir, str(script), (str(script),))
        with seams(keras, recorder, on_incident):
            ending = run_script(str(script), [])
        end_record(recorder, ending)
    report = reporting.report_on(recorder.folder)
    said: dict[str, Any] = json.loads(as_json.render(report))
    said["own_errors"] = [*map(own_error_words, report.run.info.errors), *report.run.damage]
    return said


@contextlib.contextmanager
def seams(keras: Any, recorder: RunRecorder, on_incident: str) -> Iterator[None]:
    """What `nanwatch.watch.import_hook.arm` does where Keras is there already, and undone afterwards."""
    import tensorflow as tf

    from nanwatch.watch import import_hook
    from nanwatch.watch.keras_seam import keras_names

    holders = [module for name, module in sys.modules.items() if name.split(".")[0] == "keras"]
    owners = (
        *(module for module in holders if {"save_model", "save_weights"} & set(vars(module))),
        keras.callbacks.BackupAndRestore,
        tf.train.Checkpoint,
        tf.train.CheckpointManager,
        tf.saved_model,
        keras.layers.Layer,
        keras.Operation,
        keras.optimizers.Optimizer,
        keras.optimizers.schedules.LearningRateSchedule,
        keras.losses.Loss,
        *keras.Model.__mro__[:-1],
        tf.GradientTape,
        keras_names.function_class(),
    )
    before = [dict(vars(owner)) for owner in owners]
    show = warnings.showwarning
    import_hook.listen_to_warnings(recorder)
    import_hook.take_seams(keras, recorder, on_incident)
    try:
        yield
    finally:
        warnings.showwarning = show
        for owner, old in zip(owners, before, strict=True):
            give_back(owner, old)


def give_back(owner: Any, old: dict[str, Any]) -> None:
    """The methods of a class, or the functions of a module, as they were in ``old``."""
    for name, value in list(vars(owner).items()):
        if name == "__new__" and name not in old:
            # A class whose own __new__ is deleted does not go back to ignoring __init__'s arguments.
            owner.__new__ = staticmethod(lambda made, *args, **kwargs: object.__new__(made))  # type: ignore
        elif name not in old:
            delattr(owner, name)
        elif old[name] is not value:
            setattr(owner, name, old[name])


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """The scripts' own output goes nowhere, and ``sys.argv``, ``__main__`` and path come back."""
    argv, path, main = sys.argv, list(sys.path), sys.modules["__main__"]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = argv, path, main
