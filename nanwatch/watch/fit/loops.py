"""A loop of the script's own: GradientTape and a Keras optimizer, without ``fit``."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nanwatch.record.facts import BroadcastInfo, ModelInfo
from nanwatch.watch.data import batch as batches
from nanwatch.watch.data.batch import Named
from nanwatch.watch.data.broadcasts import find_broadcasts
from nanwatch.watch.data.loop_labels import EagerLossOps, labels_in_graph
from nanwatch.watch.fit.fit_observer import FitObserver
from nanwatch.watch.incident.handler import OnIncident
from nanwatch.watch.keras_seam import keras_names
from nanwatch.watch.keras_seam.wrapping import wrap
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model import description, outputs
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.train_step import inspection, traced_step
from nanwatch.watch.train_step.conditional_update import apply_unless
from nanwatch.watch.train_step.sentinels import half_square_sum, watchable
from nanwatch.watch.train_step.step_observation import see_call
from nanwatch.watch.train_step.step_recorder import StepRecorder
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep, batch_loss
from nanwatch.watch.train_step.update_guard import unscale_sums

ATTRIBUTE = "_nanwatch_loop"


@dataclass
class TapeRecording:
    """What a thread's open tape has seen: the model's call, the loss's call, what was differentiated."""

    tapes: int = 0
    model: Any = None
    inputs: Any = None
    labels: Any = None
    loss: Any = None  # the Keras loss object that was called, if one was
    seen: TracedStep | None = None
    meeting: EagerLossOps | None = None  # in eager execution, between the model's call and the gradient
    met: tuple[BroadcastInfo, ...] | None = None  # where labels met predictions of another rank

    def stop_meeting(self) -> EagerLossOps | None:
        """The meeting, which from now on sees nothing more."""
        if self.meeting is not None:
            self.meeting.stop()
        return self.meeting


HELD = threading.local()


def thread_recording() -> TapeRecording:
    if not hasattr(HELD, "recording"):
        HELD.recording = TapeRecording()
    found: TapeRecording = HELD.recording
    return found


class TapeStepRecorder(StepRecorder):
    """Watches the steps of one optimizer that a script applies by itself."""

    def __init__(
        self,
        optimizer: Any,
        hold: bool,
        on_look: Callable[[inspection.Inspection], int],
        catch_errors: CatchErrors,
    ) -> None:
        super().__init__(hold, on_look, catch_errors)
        self.model: Any = None
        self.optimizer = optimizer
        self.keras_loss: Any = None
        self.met: tuple[BroadcastInfo, ...] | None = None
        self.cells_of_batch: Any = None  # of the last eager step whose batch was seen

    def release(self) -> None:
        vars(self.optimizer).pop(ATTRIBUTE, None)

    def apply(self, original: Callable[..., Any], grads: Sequence[Any], variables: Sequence[Any]) -> None:
        """The optimizer's ``apply``, guarded; then the step's row and perhaps a look."""
        recording = thread_recording()
        graph = keras_names.function_graph()
        seen = (
            recording.seen
            if recording.seen is not None and recording.seen.graph is graph
            else TracedStep(graph)
        )
        if recording.model is not None:
            self.model, self.keras_loss = recording.model, recording.loss
        batch: dict[str, Named] = {"input": [], "label": [], "sample_weight": []}
        if seen is recording.seen:
            batch["input"] = usable_tensors(recording.inputs, graph)
            batch["label"] = usable_tensors(recording.labels, graph)
        known = list(zip(grads, variables, strict=False))
        present = [grad for grad, _ in known if watchable(grad)]
        raw = [half_square_sum(grad) for grad in present]
        seen.gradients = known
        seen.sums = unscale_sums(raw, keras_names.unscaled_factor(self.optimizer))
        loss = batch_loss(seen, self.optimizer)
        bad = self.guard.is_bad(seen, self.optimizer, raw, present)
        if not self.guard.hold:
            original(grads, variables)
        else:
            if not self.optimizer.built:
                self.optimizer.build(list(variables))
            apply_unless(tf.logical_or(bad, self.halted), original, grads, variables)
        if self.layout is None:
            self.without = ["loss"] if loss is None else []
            self.lay_out(batch, seen, list(variables))
            self.met = recording.met
        self.remember(batch)
        cells = self.cells(seen, loss, list(variables))
        tensors = [tensor for _, _, tensor in self.inspected_tensors(seen)]
        self.record(batch, cells, bad, tensors, list(variables))
        recording.seen = None

    def batch_cells(self, batch: dict[str, Named]) -> Any:
        """In an eager step whose batch was not seen, what the last one told: a row has no gaps."""
        if not tf.executing_eagerly():
            return super().batch_cells(batch)
        if batches.dense_tensors(batch) or self.cells_of_batch is None:
            self.cells_of_batch = super().batch_cells(batch)
        return self.cells_of_batch


def usable_tensors(structure: Any, graph: Any) -> Named:
    """The tensors of ``structure`` that can be used in ``graph`` (None: eager), arrays among them."""
    pairs = batches.named_tensors(structure)
    if graph is None:
        pairs = [(key, tf.convert_to_tensor(item) if is_array(item) else item) for key, item in pairs]
    return [(key, item) for key, item in pairs if is_usable(item, graph)]


def is_array(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.dtype.kind in "fiub"


def is_usable(tensor: Any, graph: Any) -> bool:
    if not isinstance(tensor, tf.Tensor):
        return False
    if graph is None or hasattr(tensor, "numpy"):
        return hasattr(tensor, "numpy")
    return getattr(tensor, "graph", None) is graph


class LoopObserver(FitObserver):
    """The record of one optimizer's own loop."""

    def __init__(self, optimizer: Any, recorder: RunRecorder, on_incident: OnIncident) -> None:
        self.recorder = recorder
        self.on_incident = on_incident
        self.fit = None
        self.pending = None
        self.first_weights = None
        self.replicas = 1
        self.alone = False
        self.described = False
        self.tape = TapeStepRecorder(
            optimizer, on_incident != "continue", self.on_look, recorder.catch_errors
        )
        self.watch = self.tape
        vars(optimizer)[ATTRIBUTE] = self

    @property
    def model(self) -> Any:
        return self.tape.model

    def describe(self) -> ModelInfo:
        optimizer = description.optimizer_info(self.tape.optimizer)
        if self.model is None:
            return ModelInfo("unknown", "unknown", optimizer=optimizer)
        return replace(description.describe(self.model), optimizer=optimizer)

    def open(self) -> None:
        if self.fit is None:
            with self.recorder.catch_errors("taking up a loop"):
                self.begin("tape", {}, user_lines.line_here(sys._getframe(1)))

    def outputs(self, seen: TracedStep) -> Any:
        found = outputs.outputs_of(self.model, seen) if self.model is not None else ()
        called = outputs.loss_info(self.tape.keras_loss)
        if len(found) != 1:  # of several outputs nobody can tell which the loss was called with
            return found
        if called is None or called.name == outputs.CUSTOM:
            called = found[0].loss or called
        return (replace(found[0], loss=called),)

    def trainable(self) -> int | None:
        seen = self.watch.first_seen
        return None if seen is None else len(seen.gradients)

    def optimizer(self) -> Any:
        return self.tape.optimizer

    def repeatable(self, seen: inspection.Inspection) -> tuple[Callable[[Any], Any], Any] | None:
        """The forward pass, the Keras loss and the gradient again, where all three were seen."""
        model, loss, optimizer = self.model, self.tape.keras_loss, self.tape.optimizer
        inputs = [tf.convert_to_tensor(array) for (role, _), array in seen.batch.items() if role == "input"]
        labels = [tf.convert_to_tensor(array) for (role, _), array in seen.batch.items() if role == "label"]
        if model is None or loss is None or len(inputs) != 1 or len(labels) != 1:
            return None

        def again(data: Any) -> None:
            with tf.GradientTape() as tape:
                value = loss(data[1], model(data[0], training=True))
            optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)

        return again, (inputs[0], labels[0])

    def after_step(self) -> None:
        """Back on the host, after one eager step or one call of a function: drain, and answer."""
        if self.pending is not None or self.watch.due(1):
            self.drain()
            self.recorder.save(now=False)
        if self.pending is not None:
            self.answer()


@dataclass
class Loops:
    """All loops of a process; `arm` it once Keras is there."""

    recorder: RunRecorder
    on_incident: OnIncident
    observers: list[LoopObserver] = field(default_factory=list)
    functions_armed: bool = False

    def arm(self) -> None:
        self.see_tapes()
        self.see_models()
        self.see_losses()
        for cls in (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer):
            self.see_apply(cls)

    def see_tapes(self) -> None:
        enter, leave, gradient = tf.GradientTape.__enter__, tf.GradientTape.__exit__, tf.GradientTape.gradient

        @functools.wraps(enter)
        def entered(tape: Any) -> Any:
            recording = thread_recording()
            if not recording.tapes:  # what an earlier loop showed is not about this one
                recording.model = recording.loss = recording.labels = recording.seen = recording.met = None
            recording.tapes += 1
            return enter(tape)

        @functools.wraps(leave)
        def left(tape: Any, *args: Any) -> Any:
            thread_recording().tapes -= 1
            thread_recording().stop_meeting()
            return leave(tape, *args)

        @functools.wraps(gradient)
        def differentiated(tape: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
            if traced_step.current_step() is None:
                with self.recorder.catch_errors("seeing a tape"):
                    note_target(target)
            return gradient(tape, target, *args, **kwargs)

        tf.GradientTape.__enter__, tf.GradientTape.__exit__ = entered, left
        tf.GradientTape.gradient = differentiated

    def see_models(self) -> None:
        original = keras.Model.__call__

        @functools.wraps(original)
        def __call__(model: Any, *args: Any, **kwargs: Any) -> Any:
            recording = thread_recording()
            if (
                not recording.tapes
                or traced_step.current_step() is not None
                or getattr(HELD, "inside", False)
            ):
                return original(model, *args, **kwargs)
            HELD.inside = True
            try:
                return observe_call(recording, original, model, args, kwargs)
            finally:
                HELD.inside = False

        keras.Model.__call__ = __call__

    def see_losses(self) -> None:
        original = keras.losses.Loss.__call__

        @functools.wraps(original)
        def __call__(loss: Any, y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
            recording = thread_recording()
            if recording.tapes and traced_step.current_step() is None:
                recording.labels, recording.loss = y_true, loss
            return original(loss, y_true, y_pred, *args, **kwargs)

        keras.losses.Loss.__call__ = __call__

    def see_apply(self, cls: Any) -> None:
        original = cls.apply

        @functools.wraps(original)
        def apply(optimizer: Any, grads: Any, trainable_variables: Any = None) -> Any:
            ours = (
                traced_step.current_step() is None and trainable_variables is not None and self.recorder.ours
            )
            if not ours or getattr(HELD, "applying", False) or not is_replica_alone():
                return original(optimizer, grads, trainable_variables)
            HELD.applying = True
            try:
                return self.apply(
                    functools.partial(original, optimizer), optimizer, list(grads), list(trainable_variables)
                )
            finally:
                HELD.applying = False

        cls.apply = apply

    def apply(
        self, original: Callable[..., Any], optimizer: Any, grads: list[Any], variables: list[Any]
    ) -> Any:
        observer = vars(optimizer).get(ATTRIBUTE)
        if observer is None:
            with tf.init_scope():
                observer = LoopObserver(optimizer, self.recorder, self.on_incident)
            self.observers.append(observer)
        with tf.init_scope():
            observer.open()
        if not tf.executing_eagerly():
            self.arm_functions()
        observer.tape.apply(original, grads, variables)
        if tf.executing_eagerly():
            observer.after_step()
        return optimizer.iterations

    def arm_functions(self) -> None:
        """A compiled step ends on the host where its function returns."""
        if self.functions_armed:
            return
        self.functions_armed = True
        cls = keras_names.function_class()
        original = cls.__call__

        @functools.wraps(original)
        def __call__(function: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(function, *args, **kwargs)
            if tf.executing_eagerly() and traced_step.current_step() is None:
                for observer in self.observers:
                    if observer.fit is not None:
                        observer.after_step()
            return result

        cls.__call__ = __call__


def note_target(target: Any) -> None:
    scalars = [item for item in tf.nest.flatten(target) if watchable(item)]
    if not scalars:
        return
    recording, graph = thread_recording(), keras_names.function_graph()
    if recording.seen is None or recording.seen.graph is not graph:
        recording.seen = TracedStep(graph)
    recording.seen.target, recording.seen.loss_graph = scalars[0], graph
    note_labels(recording, recording.seen, graph)


def note_labels(recording: TapeRecording, seen: TracedStep, graph: Any) -> None:
    """The labels of a loss made by hand, and where they meet predictions of another rank."""
    meeting, recording.meeting = recording.stop_meeting(), None
    if graph is None:
        if meeting is not None:
            recording.met = meeting.met
            recording.labels = meeting.labels if recording.labels is None else recording.labels
        return
    if recording.labels is None and seen.outputs:
        recording.labels = labels_in_graph(graph, batches.named_tensors(recording.inputs), seen.outputs)
    if recording.labels is not None:
        recording.met = find_broadcasts(batches.named_tensors(recording.labels), seen.outputs)


def observe_call(
    recording: TapeRecording, original: Callable[..., Any], model: Any, args: Any, kwargs: Any
) -> Any:
    """One call of a model under a tape, its layers seen."""
    graph = keras_names.function_graph()
    seen = TracedStep(graph)
    undo = [
        wrap(layer, "call", functools.partial(see_call, layer)) for _, layer in keras_names.layers_of(model)
    ]
    traced_step.CURRENT.seen = seen
    try:
        outputs = original(model, *args, **kwargs)
    finally:
        traced_step.CURRENT.seen = None
        for put_back in reversed(undo):
            put_back()
    seen.outputs = [(key, item) for key, item in batches.named_tensors(outputs) if watchable(item)]
    recording.model, recording.inputs, recording.seen = model, args[0] if args else kwargs, seen
    recording.stop_meeting()
    recording.meeting = EagerLossOps(seen.outputs) if graph is None and seen.outputs else None
    return outputs


def is_replica_alone() -> bool:
    replica = tf.distribute.get_replica_context()
    return replica is not None and replica.num_replicas_in_sync == 1
