"""A step is traced, or run, with everything wrapped that is to be seen of it."""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator, Sequence

from nanwatch.watch.data.batch import named_tensors
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.function_copies import call_copies
from nanwatch.watch.keras_seam.keras_types import (
    Layer,
    Loss,
    Model,
    Operation,
    P,
    R,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.optimizer_updates import wrap_held, wrappers_of_classes
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.keras_seam.seams import Taker, take
from nanwatch.watch.train_step import eager_ops, graph_places
from nanwatch.watch.train_step.loss_uses import note_use
from nanwatch.watch.train_step.own_ops import own_ops
from nanwatch.watch.train_step.sentinels import watchable
from nanwatch.watch.train_step.traced_step import CURRENT, LayerCall, TracedStep, call_seen, current_step
from nanwatch.watch.train_step.update_guard import UpdateGuard


@contextlib.contextmanager
def observe_step(model: Model, guard: UpdateGuard, is_kept: bool = True) -> Iterator[TracedStep]:
    """Trace or run one step of ``model`` inside this block to have it seen. Of one that is not ``is_kept``
    nothing runs: no op is added to it, and its update is made as it is.

    The layers', the model's and the optimizer's methods are wrapped on the instances for the time
    of the block alone; a compiled step is traced once, so healthy steps run none of this.
    """
    seen = TracedStep(
        tensorflow_names.traced_graph(),
        is_kept=is_kept,
        applying=not is_kept,
        catch_errors=guard.catch_errors,
    )
    if not guard.inside:
        with guard.catch_errors("wrapping the model"):
            wrap_model(model, guard)
    guard.inside += 1
    try:
        CURRENT.seen = seen
        with guard.catch_errors("keeping the state of before"), own_ops():
            keep(seen, guard, [*seam().state_variables(model), *seam().metric_variables(model)])
            if guard.several and is_kept:
                seen.keep_in_reserve(seam().variables_of(model))
        yield seen
    finally:
        CURRENT.seen = None
        guard.inside -= 1
        if not guard.inside:
            with guard.catch_errors("giving back the model"):
                guard.patches.undo()


def keep(seen: TracedStep, guard: UpdateGuard, variables: Sequence[Variable]) -> None:
    """Remember what the step may change; on the device too, where it is to be made again from that."""
    if not seen.is_kept:
        return
    found = seen.keep(variables)
    if guard.kept is not None:
        guard.kept.keep(found)


def wrap_model(model: Model, guard: UpdateGuard) -> None:
    """Wrap what is to be seen, once for all replicas; each has its own `current_step` in its own thread."""
    patches = guard.patches
    try:
        for _, layer in seam().layers_of(model):
            seam().wrap_call(patches, layer, functools.partial(see_call, layer))
        for operation in seam().operations_of(model):
            seam().wrap_call(patches, operation, functools.partial(see_operation, operation))
        seam().wrap_call(patches, model, functools.partial(see_prediction, model))
        patches.wrap(model, "compute_loss", functools.partial(see_loss, model, guard))
        wrap_held(patches, model, guard.apply)
        seen_of_step = {
            **wrappers_of_classes(guard.apply),
            "keras.optimizers.LossScaleOptimizer.scale_loss": see_scale,
            "tensorflow.GradientTape.gradient": see_target,
            "keras.losses.Loss.__call__": see_loss_call,
            "tf.function.__call__": call_copies(guard.copies, is_outside_layers),
        }
        take(patches, Taker.STEP, seen_of_step)
    except BaseException:
        patches.undo()
        raise


def is_outside_layers() -> bool:
    """Whether a function called here may hold the step's loss, gradients and updates."""
    seen = current_step()
    return seen is not None and not seen.callers


def see_operation(operation: Operation, original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """An operation of a functional graph that is no layer."""
    seen, since = current_step(), graph_places.begin()
    if seen is None:
        return original(*args, **kwargs)
    outputs = call_seen(seen, operation, original, args, kwargs)
    with seen.catch_errors("seeing an operation"):
        graph_places.note_called(operation, since)
    return outputs


def see_call(layer: Layer, original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    seen, since = current_step(), graph_places.begin()
    if seen is None:
        return original(*args, **kwargs)
    outputs = call_seen(seen, layer, original, args, kwargs)
    with seen.catch_errors("seeing a layer's output"):
        graph_places.note_called(layer, since)
        note_call(seen, layer, (args, kwargs), outputs)
    return outputs


def note_call(seen: TracedStep, layer: Layer, given: Structure, outputs: Structure) -> None:
    if not seen.here():
        seen.out_of_reach.append(layer)
        return
    flat = [item for item in seam().flat_tensors(outputs) if isinstance(item, tf.Tensor)]
    inputs = [item for item in seam().flat_tensors(given) if isinstance(item, tf.Tensor)]
    seen.calls.append(LayerCall(layer, inputs, flat))
    if flat and watchable(flat[0]):
        seen.activations.append((layer, flat[0]))


def see_prediction(model: Model, original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    seen, since = current_step(), graph_places.begin()
    if seen is None:
        return original(*args, **kwargs)
    outputs = call_seen(seen, model, original, args, kwargs)
    if seen.here():
        with seen.catch_errors("seeing the predictions"):
            graph_places.note_model(model, since)
            note_inputs(seen, args)
            seen.outputs = [(key, item) for key, item in named_tensors(outputs) if watchable(item)]
            seen.unwrapped = {key for key, item in seen.outputs if seam().carries_logits(item)}
    return outputs


def note_inputs(seen: TracedStep, args: Sequence[object]) -> None:
    """What a model is given in a graph: tensors that hold no numbers."""
    if seen.graph is not None and args:
        seen.inputs += [(key, item) for key, item in named_tensors(args[0]) if isinstance(item, tf.Tensor)]


def see_loss(
    model: Model, guard: UpdateGuard, original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    seen = current_step()
    if seen is None:
        return original(*args, **kwargs)
    given = dict(zip(("x", "y", "y_pred"), args, strict=False)) | kwargs
    with contextlib.suppress(Exception):  # Keras says better what is wrong with y, and when
        seam().build_metrics(model, given.get("y"), given.get("y_pred"))
    parts: list[Tensor] = []
    with Patches() as patches:
        with seen.catch_errors("seeing the loss"), own_ops(), eager_ops.not_kept():
            if seen.here():
                keep(seen, guard, seam().metric_variables(model))
            compiled = seam().compiled_loss(model)
            if compiled is not None:
                patches.wrap(compiled, "call", functools.partial(keep_result, parts))
        since = graph_places.begin()
        seen.in_compiled_loss = True
        try:
            with eager_ops.in_loss():
                loss = original(*args, **kwargs)
        finally:
            seen.in_compiled_loss = False
    with seen.catch_errors("seeing the loss"):
        graph_places.note_loss(since)
        if since is not None:
            guard.loss_graph = weakref.ref(since.graph)
    if watchable(loss):
        seen.targets.append(loss)
        seen.loss, seen.loss_graph = loss, tensorflow_names.traced_graph()
        seen.data_loss = parts[0] if len(parts) == 1 and parts[0] is not loss else None
        with seen.catch_errors("seeing the loss"), own_ops(), eager_ops.not_kept():
            penalty = seam().penalty(model) if seen.is_kept else None
            seen.data_loss = seen.data_loss if penalty is None else tf.subtract(loss, penalty)
    return loss


def see_loss_call(
    original: Callable[..., R],
    loss: Loss,
    y_true: Structure,
    y_pred: Structure,
    *args: object,
    **kwargs: object,
) -> R:
    seen = current_step()
    if seen is not None and not seen.in_compiled_loss and seen.here():
        with seen.catch_errors("seeing what a loss is given"):
            note_use(seen.loss_uses, loss, y_true, y_pred)
    return original(loss, y_true, y_pred, *args, **kwargs)


def see_scale(original: Callable[..., R], /, *args: object, **kwargs: object) -> R:
    """An optimizer is asked to scale the loss."""
    seen = current_step()
    if seen is not None:
        seen.is_scaled = True
    return original(*args, **kwargs)


def keep_result(kept: list[R], original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    result = original(*args, **kwargs)
    kept.append(result)
    return result


def see_target(
    original: Callable[..., R], /, tape: tf.GradientTape, target: Structure, *args: object, **kwargs: object
) -> R:
    """What a gradient tape is asked to differentiate is the loss of a custom step."""
    seen = current_step()
    if seen is not None and seen.is_kept and seen.loss is None:
        with seen.catch_errors("seeing what a tape is asked for"):
            scalars = [item for item in tf.nest.flatten(target) if watchable(item)]
            if scalars:
                seen.targets += scalars
                seen.target, seen.loss_graph = scalars[0], tensorflow_names.traced_graph()
    if seen is None or not seen.is_kept:
        return original(tape, target, *args, **kwargs)
    ops = eager_ops.ops_of_step()
    with graph_places.note_gradients(seen.catch_errors) if ops is None else ops.differentiate():
        return original(tape, target, *args, **kwargs)
