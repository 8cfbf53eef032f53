"""The steps of an optimizer that a script applies by itself, under a GradientTape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeGuard

import numpy as np

from nanwatch.watch.data import batch as batches
from nanwatch.watch.data.batch import HostBatch
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import (
    Gradient,
    Graph,
    Loss,
    Model,
    Optimizer,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step import late_writes, variable_writes
from nanwatch.watch.train_step.conditional_update import KeptValue, apply_unless
from nanwatch.watch.train_step.eager_ops import EagerOp, EagerOps, EagerStep
from nanwatch.watch.train_step.inspection import RanStep
from nanwatch.watch.train_step.kept_step import KeptStep, counters_of
from nanwatch.watch.train_step.own_ops import own_ops
from nanwatch.watch.train_step.repeatable_step import RepeatableStep
from nanwatch.watch.train_step.sentinels import dense_values, half_square_sum, watchable
from nanwatch.watch.train_step.step_recorder import StepRecorder
from nanwatch.watch.train_step.tape_recording import thread_recording
from nanwatch.watch.train_step.traced_step import CatchErrors, TracedStep, batch_loss
from nanwatch.watch.train_step.update_guard import unscale_sums


class WeighedStep(NamedTuple):
    """A step before its update."""

    seen: TracedStep
    batch: batches.Batch
    loss: Tensor | None  # float32 scalar
    bad: Tensor  # bool scalar: the loss or a gradient is not finite
    held: Tensor  # bool scalar: that, or an earlier step was bad


class TapeStepRecorder(StepRecorder):
    """Watches the steps of one optimizer that a script applies by itself."""

    def __init__(self, optimizer: Optimizer, hold: bool, catch_errors: CatchErrors) -> None:
        super().__init__(hold, catch_errors)
        self.model: Model | None = None
        self.applied = optimizer
        self.keras_loss: Loss | None = None
        self.eager_seen: TracedStep | None = None  # of the eager step that is being recorded
        self.ops = EagerOps()  # of the thread that it runs in
        self.kept = KeptStep()
        self.is_repeatable = True  # a call of the script's function makes one step
        self.cells_of_batch: Tensor | None = None  # of the last eager step whose batch was seen

    @property
    def optimizer(self) -> Optimizer:
        return self.applied

    def held_variables(self) -> list[tf.Variable]:
        """What the model and the optimizer hold, as TensorFlow has it."""
        held = [
            *seam().kept_by(self.applied),
            *(seam().variables_of(self.model) if self.model is not None else ()),
        ]
        return list(map(seam().tensorflow_variable, held))

    def release(self) -> None:
        """The optimizer was not changed."""

    def repeatable(self, batch: HostBatch) -> RepeatableStep | None:
        """The forward pass, the Keras loss and the gradient again, where all three were seen."""
        model, loss, optimizer = self.model, self.keras_loss, self.applied
        inputs = [tf.convert_to_tensor(array) for (role, _), array in batch.items() if role == "input"]
        labels = [tf.convert_to_tensor(array) for (role, _), array in batch.items() if role == "label"]
        if model is None or loss is None or len(inputs) != 1 or len(labels) != 1:
            return None

        def again(data: Structure) -> None:
            with tf.GradientTape() as tape:
                value = loss(data[1], model(data[0], training=True))
            seam().apply(
                optimizer, tape.gradient(value, model.trainable_variables), model.trainable_variables
            )

        return RepeatableStep(again, (inputs[0], labels[0]), [optimizer])

    def apply(
        self,
        original: Callable[[Sequence[Tensor | None], Sequence[Variable]], object],
        grads: Sequence[Tensor | None],
        variables: Sequence[Variable],
    ) -> None:
        """The optimizer's ``apply``, guarded; then the step's row and perhaps a look.

        A gradient has its variable's shape, or is ``tf.IndexedSlices`` of it, or missing.
        """
        step: WeighedStep | None = None
        if not tf.executing_eagerly():
            with self.catch_errors("keeping what a step begins with"), own_ops():
                self.begin_step()
        with self.catch_errors("weighing the gradients"), own_ops():
            step = self.weigh(grads, variables)
        if step is not None and self.layout is None:
            with self.catch_errors("holding what a loop begins with"), tf.init_scope():
                self.on_built()
        if step is None or not self.guard.hold:
            original(grads, variables)
        else:
            with variable_writes.note_ops(step.seen.guarded_ops):
                apply_unless(step.held, original, grads, variables)
        if step is not None:
            self.eager_seen = step.seen if tf.executing_eagerly() else None
            with self.catch_errors("recording the step"), own_ops():
                self.record_update(step, variables)
        self.eager_seen = None

    def held_besides(self, seen: TracedStep, graph: Graph) -> list[Tensor]:
        """What the function of the script's writes behind its update is not in the graph yet."""
        return late_writes.reads_of_small(graph, seen)

    def bad_step(self) -> RanStep | EagerStep | None:
        if self.eager_seen is not None:
            calls = thread_recording().calls.kept
            taken = list(map(taken_over, present_values(self.eager_seen))) if calls else []
            return EagerStep(self.eager_seen, [*calls, *self.ops.kept, *taken])
        return super().bad_step()

    def template_of_batch(self) -> Structure:
        """As `template`, of one input and its labels, where all of the model is trained; else None."""
        seen = self.first_seen
        keys = [role for role, _ in self.last_batch]
        if seen is None or self.model is None or keys != ["input", "label"]:
            return None
        trained = {id(variable) for grad, variable in seen.gradients if grad is not None}
        return (0, 0) if trained == {id(each) for each in self.model.trainable_variables} else None

    def begin_step(self) -> None:
        """Put by what the step may have changed before its update, and what counts the updates."""
        self.is_repeatable &= tensorflow_names.is_outermost(tensorflow_names.traced_graph())
        shown = thread_recording().seen
        if shown is not None and shown.here():
            self.kept.keep(shown.saved.values())
        counters = counters_of(self.applied)
        self.kept.keep(KeptValue(counter, tf.convert_to_tensor(counter)) for counter in counters)

    def weigh(self, grads: Sequence[Tensor | None], variables: Sequence[Variable]) -> WeighedStep:
        """What the step shows before its update."""
        recording = thread_recording()
        graph = tensorflow_names.traced_graph()
        shown, model, self.ops = recording.seen, recording.model_of(variables), recording.ops
        here = shown is not None and shown.graph is graph
        seen = (
            replace(shown)
            if shown is not None and here
            else TracedStep(graph, catch_errors=self.catch_errors)
        )
        taped = recording.loss_of(variables)
        if taped is not None and taped.graph is graph:
            seen.targets, seen.target, seen.loss_graph = taped.targets, taped.targets[0], graph
        if model is not None:
            self.model, self.keras_loss = model, recording.loss
        batch: batches.Batch = {"input": [], "label": [], "sample_weight": []}
        if here:
            batch["input"] = usable_tensors(recording.inputs, graph)
            batch["label"] = usable_tensors(recording.labels, graph)
        seen.is_scaled, seen.loss_uses = recording.is_scaled, list(recording.loss_uses)
        seen.gradients = list(map(Gradient, grads, variables))
        present = [grad for grad, _ in seen.gradients if watchable(grad)]
        raw = [half_square_sum(grad) for grad in present]
        seen.sums = unscale_sums(raw, seam().scale_of_gradients(self.applied))
        loss = batch_loss(seen, self.applied)
        bad = self.guard.is_bad(seen, self.applied, raw, present)
        if self.guard.hold and not seam().is_built(self.applied):
            seam().build(self.applied, list(variables))
        return WeighedStep(seen, batch, loss, bad, tf.logical_or(bad, self.halted))

    def record_update(self, step: WeighedStep, variables: Sequence[Variable]) -> None:
        """The row of a step whose update has been made, or held back."""
        if self.layout is None:
            self.without = ["loss"] if step.loss is None else []
            self.lay_out(step.batch, step.seen, list(variables))
            self.broadcasts = thread_recording().met
        self.remember(step.batch)
        cells = self.cells(step.seen, step.loss, list(variables))
        tensors = [tensor for _, _, tensor in self.inspected_tensors(step.seen)]
        self.record(step.batch, cells, step.bad, tensors, list(variables), seen=step.seen)

    def batch_cells(self, batch: batches.Batch) -> Tensor:
        """In an eager step whose batch was not seen, what the last one told: a row has no gaps."""
        if not tf.executing_eagerly():
            return super().batch_cells(batch)
        if batches.dense_tensors(batch) or self.cells_of_batch is None:
            self.cells_of_batch = super().batch_cells(batch)
        return self.cells_of_batch


def present_values(seen: TracedStep) -> list[Tensor]:
    return [dense_values(grad) for grad, _ in seen.gradients if watchable(grad)]


def taken_over(grad: Tensor) -> EagerOp:
    """A gradient as the update takes it: what was made of that which functions gave, by ops that are not
    kept, is held with the step."""
    return EagerOp("Identity", (grad,), (grad,), None, None, True, None, False, ("T", grad.dtype))


def usable_tensors(structure: Structure, graph: Graph | None) -> list[tuple[str, Tensor]]:
    """The tensors of ``structure`` that can be used in ``graph`` (None: eager), arrays among them."""
    pairs = batches.named_tensors(structure)
    if graph is None:
        pairs = [(key, tf.convert_to_tensor(item) if is_array(item) else item) for key, item in pairs]
    return [(key, item) for key, item in pairs if is_usable(item, graph)]


def is_array(item: object) -> bool:
    return isinstance(item, np.ndarray) and item.dtype.kind in "fiub"


def is_usable(item: object, graph: Graph | None) -> TypeGuard[Tensor]:
    if not isinstance(item, tf.Tensor):
        return False
    if graph is None or hasattr(item, "numpy"):
        return hasattr(item, "numpy")
    return getattr(item, "graph", None) is graph
