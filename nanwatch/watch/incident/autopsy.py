"""The bad step again, op by op, from the state before it."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nanwatch.record.facts import Location, OpInfo, SpreadEntry
from nanwatch.record.notes import IncidentNote, OnlyCompiled, ReplayRaised, ReplayStopped, StayedFinite
from nanwatch.record.watchpoints import Role
from nanwatch.watch.data.nonfinite import commonest_nonfinite
from nanwatch.watch.incident import operands
from nanwatch.watch.incident.births import Birth
from nanwatch.watch.incident.op_trace import BadOp, OpTrace, OutOfTime, array_of
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.function_copies import copy_all_functions
from nanwatch.watch.keras_seam.keras_types import (
    Apply,
    Gradient,
    Model,
    Optimizer,
    P,
    R,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.optimizer_updates import wrap_held, wrappers_of_classes
from nanwatch.watch.keras_seam.patches import Patches, Wrapper
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.keras_seam.seams import Taker, take
from nanwatch.watch.train_step.repeatable_step import RepeatableStep
from nanwatch.watch.train_step.traced_step import suspend_watching

SECONDS = 30.0  # at most; the halted script waits for it


@dataclass
class Autopsy:
    """What the repeated step showed."""

    op: OpInfo | None = None
    spread: list[SpreadEntry] = field(default_factory=list)
    reproduced: bool | None = None
    loss: float | None = None
    notes: list[IncidentNote] = field(default_factory=list)
    ops: int = 0
    birth: Birth | None = None  # ``op`` in the graph that ran
    born_at: int | None = None  # the number of ``op`` among the ops that an eager step kept


@dataclass
class RepeatedStep:
    """The tensors of the repeated step that the incident is traced back from."""

    several: bool = False  # the step may make more than one update
    applying: bool = False  # an optimizer's own optimizer is not another one
    computed: bool = False  # the loss is what ``compute_loss`` gave, not what a tape was given
    loss: list[Tensor] = field(default_factory=list)  # one of each call of ``compute_loss`` or a tape
    gradients: list[Gradient] = field(default_factory=list)
    outputs: dict[str, Tensor] = field(default_factory=dict)  # of each layer's last call the first
    predictions: Structure = None


def perform(
    model: Model,
    again: RepeatableStep,
    compile_location: Location | None,
    seconds: float = SECONDS,
    names: dict[str, object] | None = None,
) -> Autopsy:
    """Run the step once more, eagerly, on the model as it stands; everything is put back after.

    The model's optimizer is kept from applying anything, unless the step may make several updates:
    what the later ones see depends on the earlier. ``names`` takes what a debugger wants to have.
    """
    found = Autopsy()
    trace = OpTrace(seconds, stop_at=sys._getframe())
    seen = RepeatedStep(again.several)
    with (
        suspend_watching(),
        restore_after(model, again.optimizers),
        tensorflow_names.run_functions_eagerly(),
        wrap_repeated_step(model, trace, seen),
    ):
        try:
            with tensorflow_names.op_callback(trace):
                again.step(again.data)
        except OutOfTime:
            found.notes.append(ReplayStopped(seconds))
        except tf.errors.OpError as error:
            found.notes.append(ReplayRaised(type(error).__name__))
    found.ops = trace.ops
    if not (found.notes or bad_tensors(seen)):
        with suspend_watching(), restore_after(model, again.optimizers):
            found.notes.append(run_compiled(model, again))
    fill_in(found, trace, seen, compile_location)
    if names is not None:  # for a debugger
        paths = [seam().path_of(variable) for _, variable in seen.gradients]
        names["loss"] = seen.loss[-1] if seen.loss else None
        names["gradients"] = dict(zip(paths, (grad for grad, _ in seen.gradients), strict=True))
        names["outputs"] = seen.outputs
        names["y_pred"] = seen.predictions
    trace.kept.clear()
    return found


@contextlib.contextmanager
def restore_after(model: Model, optimizers: Sequence[Optimizer] = ()) -> Iterator[None]:
    """Put back what the block changes in the model's state, metrics and weights, and in its optimizers.

    Those given are put back too: a step may have an optimizer that the model does not hold.
    """
    variables = [
        *model.variables,
        *seam().state_variables(model),
        *seam().metric_variables(model),
        *(kept for each in (*seam().optimizers_of(model), *optimizers) for kept in seam().kept_by(each)),
    ]
    before = {id(variable): (variable, tf.convert_to_tensor(variable)) for variable in variables}
    try:
        yield
    finally:
        for variable, value in before.values():
            if tuple(value.shape) == tuple(variable.shape):  # else it was made in a trace that failed
                variable.assign(value)


@contextlib.contextmanager
def wrap_repeated_step(model: Model, trace: OpTrace, seen: RepeatedStep) -> Iterator[None]:
    with Patches() as patches:
        for path, layer in seam().layers_of(model):
            seam().wrap_call(patches, layer, watch_output(trace.layer_call(path, layer), path, seen))
        for operation in seam().operations_of(model):
            seam().wrap_call(patches, operation, trace.layer_call(operation.name, operation))
        patches.wrap(model, "compute_loss", functools.partial(in_loss, trace, seen))
        see_updates(patches, model, seen)
        backward = functools.partial(mark_backward, trace, seen)
        take(patches, Taker.REPEATED_GRADIENTS, {"tensorflow.GradientTape.gradient": backward})
        yield


@contextlib.contextmanager
def keep_what_is_trained(model: Model, seen: RepeatedStep) -> Iterator[None]:
    """Losses and gradients of a step that is run in this block go into ``seen``."""
    with Patches() as patches:
        patches.wrap(model, "compute_loss", functools.partial(keep_loss, seen))
        see_updates(patches, model, seen)
        yield


def see_updates(patches: Patches, model: Model, seen: RepeatedStep) -> None:
    see = functools.partial(keep_gradients, seen)
    wrap_held(patches, model, see)
    take(patches, Taker.REPEATED_UPDATES, wrappers_of_classes(see))


def watch_output(wrapper: Wrapper, path: str, seen: RepeatedStep) -> Wrapper:
    def call_and_keep(original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        outputs: R = wrapper(original, *args, **kwargs)
        flat = seam().flat_tensors(outputs)
        if flat:
            seen.outputs[path] = flat[0]
        return outputs

    return call_and_keep


def in_loss(
    trace: OpTrace, seen: RepeatedStep, original: Callable[P, Tensor], /, *args: P.args, **kwargs: P.kwargs
) -> Tensor:
    """`keep_loss`, and the ops in between are the loss's."""
    trace.in_loss = True
    try:
        return keep_loss(seen, original, *args, **kwargs)
    finally:
        trace.in_loss = False


def keep_loss(
    seen: RepeatedStep, original: Callable[P, Tensor], /, *args: P.args, **kwargs: P.kwargs
) -> Tensor:
    """In the place of ``compute_loss``: what it gives, a scalar, goes into ``seen``."""
    given = dict(zip(("x", "y", "y_pred"), args, strict=False)) | kwargs
    seen.predictions = given.get("y_pred")
    loss = original(*args, **kwargs)
    seen.computed = True
    seen.loss.append(loss)
    return loss


def keep_gradients(
    seen: RepeatedStep,
    optimizer: Optimizer,
    original: Apply,
    grads: Iterable[Tensor | None],
    trainable_variables: Sequence[Variable] | None = None,
) -> None:
    """In the place of ``optimizer.apply``. Of several updates one is made unless it is known to be bad."""
    grads = list(grads)
    if seen.applying:
        original(grads, trainable_variables)
        return
    seen.gradients += map(Gradient, grads, trainable_variables or seam().trained_by(optimizer))
    known_bad = tf.executing_eagerly() and any(is_bad(grad) for grad in grads if grad is not None)
    if seen.several and not known_bad:
        seen.applying = True
        try:
            original(grads, trainable_variables)
        finally:
            seen.applying = False


def mark_backward(
    trace: OpTrace,
    seen: RepeatedStep,
    original: Callable[..., R],
    /,
    tape: tf.GradientTape,
    target: Structure,
    *args: object,
    **kwargs: object,
) -> R:
    """In the place of a tape's ``gradient``: the ops in between are the backward pass's."""
    if not seen.computed:
        seen.loss += tf.nest.flatten(target)
    trace.backward = True
    try:
        return original(tape, target, *args, **kwargs)
    finally:
        trace.backward = False


def bad_tensors(seen: RepeatedStep) -> list[Tensor]:
    """The non-finite ones among the losses and gradients of a repeated step."""
    return [
        tensor
        for tensor in (*seen.loss, *(grad for grad, _ in seen.gradients))
        if tensor is not None and is_bad(tensor)
    ]


def run_compiled(model: Model, again: RepeatableStep) -> IncidentNote:
    """Op by op it stayed finite: what the step does when it is compiled as it was."""

    def answers(given: Structure) -> list[Tensor]:
        seen = RepeatedStep(again.several)
        with keep_what_is_trained(model, seen):
            again.step(given)
        return [
            dense(item) for item in (*seen.loss, *(grad for grad, _ in seen.gradients)) if item is not None
        ]

    with copy_all_functions():
        answered = seam().compile(answers, jit_compile=again.jit)(again.data)
    return OnlyCompiled(again.jit) if any(map(is_bad, answered)) else StayedFinite()


def fill_in(
    found: Autopsy, trace: OpTrace, seen: RepeatedStep, compile_location: Location | None
) -> BadOp | None:
    """Answers the birth of what is bad, where there is one."""
    bad_losses = [loss for loss in seen.loss if is_bad(loss)]
    bad_gradients = [grad for grad, _ in seen.gradients if grad is not None and is_bad(grad)]
    if seen.loss:
        value = array_of((bad_losses or seen.loss[-1:])[0])
        found.loss = None if value is None or not value.size else float(np.mean(value))
    stopped = any(isinstance(note, ReplayStopped | ReplayRaised) for note in found.notes)
    found.reproduced = bool(bad_losses or bad_gradients) or (None if stopped else False)
    targets = bad_losses or [dense(grad) for grad in bad_gradients]
    origins = trace.origins(targets)
    if not origins and targets:
        origins = [event for event in trace.events if event.born_here]
    if origins:
        found.op = replace(op_info(origins[0], compile_location), stopped_by=tuple(sorted(trace.stopped)))
        found.born_at = origins[0].at
    elif targets and (came_in := trace.entries(targets)):
        found.op = op_info(came_in[0], compile_location)
    found.spread = list_spread(seen)
    return origins[0] if origins else None


def op_info(event: BadOp, compile_location: Location | None) -> OpInfo:
    """The event in the record's words. An op of a built-in loss is at the line of ``compile``."""
    of_loss = event.layer is None and (event.in_loss or event.direction == "backward")
    location = event.location or (compile_location if of_loss else None)
    count, rows = operands.bad_places(event.output)
    return OpInfo(
        type=event.type,
        forward_type=event.forward_type,
        direction=event.direction,
        layer=event.layer,
        location=location,
        inputs=operands.operands_of(event),
        output=commonest_nonfinite(event.output),
        num_bad=count,
        size=int(event.output.size),
        rows=rows,
    )


def list_spread(seen: RepeatedStep) -> list[SpreadEntry]:
    """The places that were non-finite: forward by layer, the loss, then gradients from the last layer."""
    found: list[SpreadEntry] = []

    def add(role: Role, path: str, tensor: Tensor) -> None:
        value = array_of(dense(tensor))
        if value is not None and (bad := int(value.size - np.isfinite(value).sum())):
            found.append(SpreadEntry(role, path, bad, int(value.size), first=not found))

    for path, tensor in seen.outputs.items():
        add("activation", path, tensor)
    for loss in [loss for loss in seen.loss if is_bad(loss)][:1]:
        add("loss", "", loss)
    for grad, variable in reversed(seen.gradients):
        if grad is not None:
            add("gradient", seam().path_of(variable), grad)
    return found


def dense(tensor: Tensor) -> Tensor:
    """``tensor``; of ``tf.IndexedSlices`` their values, shape (rows that were looked up, ...)."""
    values: Tensor = tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor
    return values


def is_bad(tensor: Tensor) -> bool:
    """Whether an element of an eager tensor of floats is not finite; False for one of another dtype."""
    value = array_of(dense(tensor))
    return value is not None and not bool(np.isfinite(value).all())
