"""What the open tape of a thread sees of a script's own loop: the model's call, the loss, the labels."""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nanwatch.record.facts import BroadcastInfo
from nanwatch.watch.data import batch as batches
from nanwatch.watch.data.broadcasts import find_broadcasts
from nanwatch.watch.data.loop_labels import EagerLossOps, labels_in_graph
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Graph, Loss, Model, R, Structure, Tensor, Variable
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.launch import user_lines
from nanwatch.watch.train_step import graph_places, traced_step
from nanwatch.watch.train_step.eager_ops import EagerOp, EagerOps
from nanwatch.watch.train_step.loss_uses import LossUse
from nanwatch.watch.train_step.own_ops import own_ops
from nanwatch.watch.train_step.sentinels import watchable
from nanwatch.watch.train_step.step_observation import note_inputs, see_call, see_operation
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep

MOST_CALLS = 1000  # of functions that give gradients, before an update
MOST_BYTES = 256 * 2**20  # of what they were given and gave, until the update is made


class TapedLoss(NamedTuple):
    """What a tape was asked to differentiate with respect to variables."""

    targets: list[Tensor]  # floats
    graph: Graph | None  # that they belong to; None: eager
    sources: frozenset[int]  # ids of the variables


@dataclass
class TapeRecording:
    """What a thread's open tape has seen: the model's call, the loss's call, what was differentiated."""

    tapes: int = 0
    called: list[weakref.ref[Model]] = field(default_factory=list)  # the models, in order
    inputs: Structure = None
    labels: Structure = None
    loss: Loss | None = None  # that was called, if one was
    loss_uses: list[LossUse] = field(default_factory=list)  # of Keras's losses
    seen: TracedStep | None = None
    losses: list[TapedLoss] = field(default_factory=list)  # that were differentiated, in order
    uses: int = 0  # of the tapes that were open together: a persistent one may be asked again and again
    meeting: EagerLossOps | None = None  # in eager execution, between the model's call and the gradient
    ops: EagerOps = field(default_factory=EagerOps)  # of an eager step
    calls: EagerOps = field(default_factory=EagerOps)  # of functions that give gradients, since an update
    bytes: int = 0  # that ``calls`` hold
    is_over: bool = False  # the update for which ``calls`` are kept has been made
    met: tuple[BroadcastInfo, ...] | None = None  # where labels met predictions of another rank
    is_scaled: bool = False  # an optimizer was asked to scale a loss
    gave: list[Tensor] = field(default_factory=list)  # what the models gave that were called in the step

    def model_of(self, variables: Sequence[Variable]) -> Model | None:
        """Of the models that were called, and that the script still has, that which ``variables`` are of.

        Of several, or of none, the last that was called.
        """
        models = [model for model in (held() for held in self.called) if model is not None]
        if len(models) < 2:
            return models[0] if models else None
        trained = {id(variable) for variable in variables}
        owners = [model for model in models if any(id(one) in trained for one in model.trainable_variables)]
        return next(reversed(owners or models), None)

    def note_call(self, model: Model, inputs: Structure, seen: TracedStep) -> None:
        """What is noted here of a call is let go of with the model."""

        def forget(gone: weakref.ref[Model]) -> None:
            if any(held is gone for held in self.called):
                self.forget()

        if all(held() is not model for held in self.called):
            self.called.append(weakref.ref(model, forget))
        if self.seen is not None and self.seen.graph is seen.graph:  # of another model, in the same step
            seen.calls[:0] = self.seen.calls
            seen.activations[:0] = self.seen.activations
            seen.saved = {**seen.saved, **self.seen.saved}  # the first to be read was before all updates
        if self.inputs is None or not self.is_made_of_outputs(inputs):
            self.inputs = inputs  # what a model made of them is no data
        self.seen = seen

    def is_made_of_outputs(self, inputs: Structure) -> bool:
        """Whether a tensor among ``inputs`` was computed from what a model gave in this step."""
        given = {id(tensor) for tensor in self.gave}
        tensors = [tensor for tensor in tf.nest.flatten(inputs) if isinstance(tensor, tf.Tensor)]
        if not given or not tensors:
            return False
        if tf.executing_eagerly():
            return self.ops.come_from(tensors, given)
        return tensorflow_names.come_from(tensors, given)

    def forget(self) -> None:
        """What an earlier loop showed is not about the next one."""
        self.called, self.losses, self.uses = [], [], 0
        self.inputs = self.labels = self.loss = self.seen = self.met = None
        self.gave, self.loss_uses, self.is_scaled = [], [], False
        self.ops.clear()

    def loss_of(self, variables: Sequence[Variable]) -> TapedLoss | None:
        """What was differentiated with respect to ``variables``; the last loss where that is not known."""
        trained = {id(variable) for variable in variables}
        return next(
            (loss for loss in reversed(self.losses) if trained & loss.sources),
            self.losses[-1] if self.losses else None,
        )

    def note_applied(self) -> None:
        """An update has been made: where no other can follow nobody asks any more what the step showed."""
        self.is_over = True
        if self.uses <= 1:
            self.seen, self.losses, self.gave, self.loss_uses = None, [], [], []
            self.ops.clear()

    @contextlib.contextmanager
    def keep_call(self) -> Iterator[int]:
        """A function is called that may give the gradients of an update that is made outside of it.

        Yields how many ops were kept before.
        """
        if self.is_over:  # until now another update might have followed, of another function's gradients
            self.calls.clear()
            self.is_over, self.bytes = False, 0
        number = len(self.calls.kept)
        self.calls.go_on(MOST_CALLS)
        try:
            yield number
        finally:
            self.calls.stop()

    def are_calls_large(self, number: int) -> bool:
        """Whether what is kept is more than may be held for an autopsy; from ``number`` on it is new."""
        self.bytes += sum(map(bytes_of, self.calls.kept[number:]))
        return self.bytes > MOST_BYTES or len(self.calls.kept) > MOST_CALLS

    def note_tape(self, tape: tf.GradientTape) -> None:
        """A tape is opened, the first of a step or one that is open together with others."""
        self.uses += 2 if tensorflow_names.is_persistent(tape) else 1

    def stop_meeting(self) -> EagerLossOps | None:
        """The meeting, which from now on sees nothing more."""
        if self.meeting is not None:
            self.meeting.stop()
        return self.meeting


def bytes_of(op: EagerOp) -> int:
    """What an op that is kept was given and gave takes, without variables."""
    tensors = [each for each in (*op.inputs, *op.outputs) if each.dtype not in (tf.resource, tf.variant)]
    return sum((each.shape.num_elements() or 0) * each.dtype.size for each in tensors)


HELD = threading.local()


def thread_recording() -> TapeRecording:
    if not hasattr(HELD, "recording"):
        HELD.recording = TapeRecording()
    found: TapeRecording = HELD.recording
    return found


def note_target(target: Structure, sources: Structure, catch_errors: CatchErrors) -> None:
    scalars = [item for item in tf.nest.flatten(target) if watchable(item)]
    if not scalars:
        return
    recording, graph = thread_recording(), tensorflow_names.traced_graph()
    if recording.seen is None or recording.seen.graph is not graph:
        recording.seen = TracedStep(graph, catch_errors=catch_errors)
    recording.seen.targets += scalars
    recording.seen.target, recording.seen.loss_graph = scalars[0], graph
    if graph is not None:
        graph_places.places_of(graph).targets += scalars
    variables = frozenset(id(item) for item in tf.nest.flatten(sources) if hasattr(item, "assign"))
    if variables:  # else it is a slope that goes into the loss
        recording.losses.append(TapedLoss(scalars, graph, variables))
    note_labels(recording, recording.seen, graph)


def note_labels(recording: TapeRecording, seen: TracedStep, graph: Graph | None) -> None:
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
    recording: TapeRecording,
    original: Callable[..., R],
    model: Model,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    catch_errors: CatchErrors,
) -> R:
    """One call of a model under a tape, its layers seen."""
    graph, since = tensorflow_names.traced_graph(), graph_places.begin()
    seen = TracedStep(graph, catch_errors=catch_errors)
    with Patches() as patches:
        with catch_errors("keeping the state of before"), own_ops():
            if graph is not None:
                seen.keep(seam().state_variables(model))
        with catch_errors("wrapping the model"):
            for _, layer in seam().layers_of(model):
                seam().wrap_call(patches, layer, functools.partial(see_call, layer))
            for operation in seam().operations_of(model):
                seam().wrap_call(patches, operation, functools.partial(see_operation, operation))
        traced_step.CURRENT.seen = seen
        try:
            outputs = original(model, *args, **kwargs)
        finally:
            traced_step.CURRENT.seen = None
    if graph is None:  # else the line is that of the step's own call
        user_lines.mark_call(model)
    recording.note_call(model, args[0] if args else kwargs, seen)
    with catch_errors("seeing the predictions"):
        graph_places.note_model(model, since)
        note_inputs(seen, args)
        recording.gave += [item for item in tf.nest.flatten(outputs) if isinstance(item, tf.Tensor)]
        seen.outputs = [(key, item) for key, item in batches.named_tensors(outputs) if watchable(item)]
        recording.stop_meeting()
        recording.meeting = EagerLossOps(seen.outputs) if graph is None and seen.outputs else None
    return outputs
