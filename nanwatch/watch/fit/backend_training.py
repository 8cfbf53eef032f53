"""A model that Keras trains on another backend than TensorFlow."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from nanwatch.record.facts import ModelInfo, OutputInfo
from nanwatch.record.notes import Feature, LeftAlone
from nanwatch.watch.backends.host_step import HostStepWatcher
from nanwatch.watch.keras_seam.chosen import backend, is_on_tensorflow
from nanwatch.watch.keras_seam.keras_types import Model, Structure
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model import description, outputs
from nanwatch.watch.train_step.step_watcher import StepWatcher
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep
from nanwatch.watch.train_step.validation_step import ValidationStepRecorder


class BackendTraining:
    """A model whose ``train_step`` Keras calls; its steps are seen, and not made again by nanwatch."""

    replicas = 1
    distributed = False
    makes_again = False
    validation: ValidationStepRecorder | None = None

    def __init__(self, model: Model, hold: bool, catch_errors: CatchErrors) -> None:
        self.trained = model
        self.step = watcher_of(model, hold, catch_errors)
        self.watcher: StepWatcher = self.step

    @property
    def owner(self) -> Model:
        return self.trained

    @property
    def model(self) -> Model:
        return self.trained

    @property
    def steps_per_execution(self) -> int:
        return int(self.model.steps_per_execution)

    def describe(self) -> ModelInfo:
        return description.describe(self.model, user_lines.compile_line_of(self.model))

    def outputs(self, seen: TracedStep) -> tuple[OutputInfo, ...]:
        return outputs.outputs_of(self.model, seen)

    def count_trainable(self) -> int | None:
        return len(self.model.trainable_variables) if self.model.built else None

    def note_execution(self) -> None:
        """Nothing is kept of it on the device."""

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Structure:
        return self.step.go_on_bare(error, iterator)

    def attach(self) -> None:
        """It is about to be trained."""
        self.step.attach()

    def detach(self) -> None:
        self.step.detach()

    def release(self) -> None:
        self.step.release()


def left_alone_for(model: Model) -> LeftAlone | None:
    """What keeps ``model`` from being watched where Keras runs on another backend; None: nothing does."""
    if is_on_tensorflow():
        return None
    name = "nanwatch.watch.keras_seam.keras_on_" + backend()
    feature: Feature | None = importlib.import_module(name).not_watched_for(model)
    return None if feature is None else LeftAlone(backend(), feature)


def watcher_of(model: Model, hold: bool, catch_errors: CatchErrors) -> HostStepWatcher:
    """The watch of ``model`` for the backend that Keras has; imports that."""
    if backend() == "jax":
        from nanwatch.watch.backends.jax_step import JaxStepWatcher

        return JaxStepWatcher(model, hold, catch_errors)
    from nanwatch.watch.backends.torch_step import TorchStepWatcher

    return TorchStepWatcher(model, hold, catch_errors)
