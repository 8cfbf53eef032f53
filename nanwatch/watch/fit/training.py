"""What is being trained: a model by ``fit`` or batch by batch, or a model in a loop of the script's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from nanwatch.record.facts import ModelInfo, OutputInfo
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Model, Optimizer, Structure
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model import description, outputs
from nanwatch.watch.train_step.model_step import ModelStepRecorder
from nanwatch.watch.train_step.replicated_step import ReplicatedStepRecorder
from nanwatch.watch.train_step.step_watcher import StepWatcher
from nanwatch.watch.train_step.tape_step import TapeStepRecorder
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep
from nanwatch.watch.train_step.validation_step import ValidationStepRecorder


class Training(Protocol):
    """A thing that is trained, and the watchers that are on its steps."""

    makes_again: bool  # nanwatch can make its steps again: in an autopsy, in a trial, in both modes

    watcher: StepWatcher
    validation: ValidationStepRecorder | None  # of data that come batch by batch
    replicas: int  # that train in step
    distributed: bool  # it is trained under a strategy of ``tf.distribute``, be it with one replica

    @property
    def owner(self) -> object:
        """What is watched: the model, or the optimizer of a loop."""

    @property
    def model(self) -> Model | None:
        """The Keras model; None while a loop has not shown one."""

    @property
    def steps_per_execution(self) -> int:
        """Steps that are made in one call of what Keras compiled."""

    def describe(self) -> ModelInfo:
        """What is known of the model now."""

    def outputs(self, seen: TracedStep) -> tuple[OutputInfo, ...]:
        """The outputs that a traced step shows, with their heads and losses."""

    def count_trainable(self) -> int | None:
        """Trainable variables; None while that is not known."""

    def note_execution(self) -> None:
        """A call of what Keras compiled has come to its end."""

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Structure:
        """What the call that failed with ``error`` would have given; nothing of nanwatch's is in the steps
        from here on."""

    def detach(self) -> None:
        """It is not trained for now."""

    def release(self) -> None:
        """Leave it as it was found."""


class ModelTraining:
    """A model whose ``train_step`` Keras calls."""

    makes_again = True

    def __init__(
        self, model: Model, hold: bool, catch_errors: CatchErrors, is_over: Callable[[], bool]
    ) -> None:
        """``is_over``: whether nobody watches any more."""
        self.model = model
        self.hold = hold
        self.replicas = seam().replicas_of(model)
        self.distributed = seam().is_distributed(model)
        kind = ReplicatedStepRecorder if self.distributed else ModelStepRecorder
        self.step = kind(model, hold, catch_errors, is_over)
        self.watcher: StepWatcher = self.step
        self.validation = None if self.distributed else ValidationStepRecorder(model, catch_errors, is_over)

    @property
    def owner(self) -> Model:
        return self.model

    @property
    def steps_per_execution(self) -> int:
        return self.step.at_once

    def describe(self) -> ModelInfo:
        info = description.describe(self.model, user_lines.compile_line_of(self.model))
        applied = self.step.optimizer
        if applied is None or applied is self.model.optimizer:
            return info
        return replace(info, optimizer=description.optimizer_info(applied))  # that of ``compile`` is not used

    def outputs(self, seen: TracedStep) -> tuple[OutputInfo, ...]:
        return outputs.outputs_of(self.model, seen)

    def count_trainable(self) -> int | None:
        return len(self.model.trainable_variables) if self.model.built else None

    def note_execution(self) -> None:
        self.step.kept.note_execution(self.steps_per_execution)

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Structure:
        if self.validation is not None:
            self.validation.release()
        return self.step.go_on_bare(error, iterator)

    def is_watched(self) -> bool:
        """Whether Keras still holds the function of the watched step."""
        return self.step.is_made()

    def attach(self) -> None:
        """It is about to be trained."""
        self.step.attach()
        if self.validation is not None:
            self.validation.attach()

    def detach(self) -> None:
        self.step.detach()
        if self.validation is not None:
            self.validation.detach()

    def release(self) -> None:
        self.watcher.release()
        if self.validation is not None:
            self.validation.release()


class LoopTraining:
    """A model that is trained by an optimizer which the script applies by itself, under a GradientTape."""

    makes_again = True
    replicas = 1
    distributed = False
    steps_per_execution = 1
    validation: ValidationStepRecorder | None = None

    def __init__(self, optimizer: Optimizer, hold: bool, catch_errors: CatchErrors) -> None:
        self.tape = TapeStepRecorder(optimizer, hold, catch_errors)
        self.watcher: StepWatcher = self.tape

    @property
    def owner(self) -> Optimizer:
        return self.tape.optimizer

    @property
    def model(self) -> Model | None:
        return self.tape.model

    def describe(self) -> ModelInfo:
        optimizer = description.optimizer_info(self.tape.optimizer)
        if self.model is None:
            return ModelInfo("unknown", "unknown", optimizer=optimizer)
        return replace(description.describe(self.model), optimizer=optimizer)

    def outputs(self, seen: TracedStep) -> tuple[OutputInfo, ...]:
        found = outputs.outputs_of(self.model, seen) if self.model is not None else ()
        called = outputs.loss_info(self.tape.keras_loss)
        if len(found) != 1:  # of several outputs nobody can tell which the loss was called with
            return found
        if called is None or called.name == outputs.CUSTOM:
            called = found[0].loss or called
        return (replace(found[0], loss=called),)

    def count_trainable(self) -> int | None:
        seen = self.watcher.first_seen
        return None if seen is None else len(seen.gradients)

    def note_execution(self) -> None:
        """The script itself calls them."""

    def go_on_bare(self, error: Exception, iterator: Iterator[Structure]) -> Structure:
        """The script itself calls the steps of its loop."""
        raise error

    def detach(self) -> None:
        """Nothing of ours stands on what is trained."""

    def release(self) -> None:
        self.watcher.release()
