"""`Watch`: the one mechanism. ``nanwatch run`` injects it into ``fit``; a notebook passes it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import ClassVar

from nanwatch.record.notes import OnParameterServers
from nanwatch.watch.fit.backend_training import left_alone_for
from nanwatch.watch.fit.fit_observer import (
    FitObserver,
    leave_observer,
    observe_model,
    observer_of,
    release_observer,
    turn_off,
)
from nanwatch.watch.incident.handler import OnIncident
from nanwatch.watch.keras_seam import chosen, tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.callbacks import EitherCallback
from nanwatch.watch.keras_seam.keras_types import Model
from nanwatch.watch.launch import user_lines
from nanwatch.watch.launch.disabled import is_disabled
from nanwatch.watch.recording.child_process import script_of_process
from nanwatch.watch.recording.run_recorder import RunRecorder, Told


class Watch(EitherCallback):
    """Watches the training it is passed to: ``model.fit(..., callbacks=[nanwatch.Watch()])``.

    Args:
        log_dir: the folder below which each training gets a run folder of its own.
        on_incident: what to do at the first non-finite loss, gradient or weight. ``"raise"``
            leaves ``fit`` with `TrainingHalted` before the update is applied; ``"stop"`` lets
            ``fit`` end by itself; ``"continue"`` only records.

    Raises:
        ValueError: ``on_incident`` is none of the three.

    ``NANWATCH_DISABLE=1`` makes it do nothing.
    """

    told: ClassVar[Told | None] = None  # of the trainings of each that is passed by hand

    def __init__(self, log_dir: str | os.PathLike[str] = "logs", on_incident: OnIncident = "raise") -> None:
        super().__init__()
        if on_incident not in ("raise", "stop", "continue"):
            raise ValueError(f'on_incident must be "raise", "stop" or "continue", not {on_incident!r}')
        self.log_dir = Path(log_dir)
        self.on_incident: OnIncident = on_incident
        self.recorder: RunRecorder | None = None  # given by `nanwatch run`; else one of its own
        self.observer: FitObserver | None = None
        self.injected = False

    def set_model(self, model: Model) -> None:
        """Keras calls this before it compiles the step: the moment to wrap it."""
        super().set_model(model)
        if not self.injected:
            chosen.settle(chosen.kind_of(model))
        if is_disabled():
            turn_off(model)
            return
        if not self.is_in_fit(sys._getframe()):
            return
        if self.recorder is None or (self.recorder.ended and not self.injected):
            try:
                self.recorder = RunRecorder(self.log_dir, *script_of_process())
                self.recorder.told = self.told
            except OSError as error:
                warnings.warn(
                    f"nanwatch does not watch: no run folder in {self.log_dir}: {error}", stacklevel=2
                )
                return
            if self.told is not None:
                with self.recorder.catch_errors("telling of a training"):
                    self.told.of_begin(self.recorder)
        with self.recorder.catch_errors("hooking the model"):
            self.observe(model, self.recorder)

    def is_in_fit(self, frame: FrameType) -> bool:
        """Whether it is not an evaluation, say, that has this callback; no, where it cannot be told."""
        try:
            return seam().fit_arguments(frame) is not None
        except Exception as error:
            if self.recorder is None:
                warnings.warn(f"nanwatch does not watch: {type(error).__name__}: {error}", stacklevel=3)
            else:
                self.recorder.note_error(error, "looking for the fit")
            return False

    def join(self, model: Model) -> None:
        """Before a fit with a CallbackList of the script's own, of which nobody calls `set_model` any more.

        Raises whatever fails.
        """
        super().set_model(model)
        if self.recorder is not None:
            self.observe(model, self.recorder)

    def observe(self, model: Model, recorder: RunRecorder) -> None:
        if (left_alone := left_alone_for(model)) is not None:
            recorder.note_not_watched(left_alone)
            self.observer = None
            return
        strategy = getattr(model, "distribute_strategy", None)
        if chosen.is_on_tensorflow() and tensorflow_names.has_parameter_servers(strategy):
            recorder.note_not_watched(OnParameterServers())
            self.observer = None
            return
        held = observer_of(model)
        if held is not None and held.is_bare:
            release_observer(model)
        self.observer = observe_model(model, recorder, self.on_incident)
        self.observer.alone = not self.injected

    def on_train_begin(self, logs: object = None) -> None:
        if self.observer is None or self.recorder is None:
            return
        frame = sys._getframe()
        with self.recorder.catch_errors("beginning a fit"):
            given = seam().fit_arguments(frame) or {}
            given["steps"] = self.params.get("steps")
            location = user_lines.line_here(seam().frame_of_fit(frame))
            self.observer.begin("fit", given, location)

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        if self.observer is not None and self.recorder is not None:
            with self.recorder.catch_errors("beginning an epoch"):
                self.observer.begin_epoch(epoch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, object] | None = None) -> None:
        if self.observer is not None and self.recorder is not None:
            with self.recorder.catch_errors("ending an epoch"):
                self.observer.end_epoch(epoch, logs)
            self.observer.check_state()

    def on_test_begin(self, logs: object = None) -> None:
        if self.observer is not None and self.recorder is not None:
            with self.recorder.catch_errors("beginning a validation"):
                self.observer.begin_validation()
            self.observer.check_state()

    def on_test_end(self, logs: object = None) -> None:
        if self.observer is not None and self.recorder is not None:
            with self.recorder.catch_errors("ending a validation"):
                self.observer.end_validation()

    def on_train_end(self, logs: object = None) -> None:
        if self.recorder is None:
            return
        if self.observer is None:
            if not self.injected:
                self.recorder.end("finished", None)
            return
        with self.recorder.catch_errors("ending a fit"):
            fit = self.observer.fit
            self.observer.end("halted" if fit is not None and fit.info.status == "halted" else "finished")
        if not self.injected:
            with self.recorder.catch_errors("ending the record"):
                leave_observer(self.model)
                self.recorder.end("halted" if self.recorder.halted else "finished", None)
