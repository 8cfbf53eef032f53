"""A step is traced, or run, with everything wrapped that is to be seen of it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from nanwatch.watch.data.batch import named_tensors
from nanwatch.watch.keras_seam import keras_names
from nanwatch.watch.keras_seam.function_copies import call_copies
from nanwatch.watch.keras_seam.wrapping import see_optimizers, wrap
from nanwatch.watch.train_step.sentinels import watchable
from nanwatch.watch.train_step.traced_step import CURRENT, TracedStep, current_step
from nanwatch.watch.train_step.update_guard import UpdateGuard


@contextlib.contextmanager
def observe_step(model: Any, guard: UpdateGuard) -> Iterator[TracedStep]:
    """Trace or run one step of ``model`` inside this block to have it seen.

    The layers', the model's and the optimizer's methods are wrapped on the instances for the time
    of the block alone; a compiled step is traced once, so healthy steps run none of this.
    """
    seen = TracedStep(keras_names.function_graph(), catch_errors=guard.catch_errors)
    if not guard.inside:
        with guard.catch_errors("wrapping the model"):
            guard.undo = wrap_model(model, guard)
    guard.inside += 1
    try:
        CURRENT.seen = seen
        with guard.catch_errors("keeping the state of before"):
            seen.keep(keras_names.state_variables(model))
            seen.keep(keras_names.metric_variables(model))
            if guard.several and guard.hold:
                seen.keep_in_reserve(keras_names.variables_of(model))
        yield seen
    finally:
        CURRENT.seen = None
        guard.inside -= 1
        while not guard.inside and guard.undo:
            guard.undo.pop()()


def wrap_model(model: Any, guard: UpdateGuard) -> list[Callable[[], None]]:
    """Wrap what is to be seen, once for all replicas; each has its own `current_step` in its own thread."""
    undo: list[Callable[[], None]] = []
    try:
        for _, layer in keras_names.layers_of(model):
            undo.append(wrap(layer, "call", functools.partial(see_call, layer)))
        undo.append(wrap(model, "call", see_prediction))
        undo.append(wrap(model, "compute_loss", functools.partial(see_loss, model)))
        undo += see_optimizers(model, guard.apply)
        undo.append(see_tape())
        undo.append(call_copies(guard.copies, is_outside_layers))
    except BaseException:
        while undo:
            undo.pop()()
        raise
    return undo


def is_outside_layers() -> bool:
    """Whether a function called here may hold the step's loss, gradients and updates."""
    seen = current_step()
    return seen is not None and not seen.inside_call


@contextlib.contextmanager
def enter_call() -> Iterator[None]:
    seen = current_step()
    if seen is None:
        yield
        return
    seen.inside_call += 1
    try:
        yield
    finally:
        seen.inside_call -= 1


def see_call(layer: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with enter_call():
        outputs = original(*args, **kwargs)
    seen = current_step()
    if seen is None:
        return outputs
    with seen.catch_errors("seeing a layer's output"):
        note_call(seen, layer, (args, kwargs), outputs)
    return outputs


def note_call(seen: TracedStep, layer: Any, given: Any, outputs: Any) -> None:
    if not seen.here():
        seen.out_of_reach.append(layer)
        return
    flat = [item for item in keras_names.flat_tensors(outputs) if isinstance(item, tf.Tensor)]
    inputs = [item for item in keras_names.flat_tensors(given) if isinstance(item, tf.Tensor)]
    seen.calls.append((layer, inputs, flat))
    if flat and watchable(flat[0]):
        seen.activations.append((layer, flat[0]))


def see_prediction(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with enter_call():
        outputs = original(*args, **kwargs)
    seen = current_step()
    if seen is not None and seen.here():
        with seen.catch_errors("seeing the predictions"):
            seen.outputs = [(key, item) for key, item in named_tensors(outputs) if watchable(item)]
            seen.unwrapped = {key for key, item in seen.outputs if keras_names.carries_logits(item)}
    return outputs


def see_loss(model: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    seen = current_step()
    if seen is None:
        return original(*args, **kwargs)
    given = dict(zip(("x", "y", "y_pred"), args, strict=False)) | kwargs
    with contextlib.suppress(Exception):  # Keras says better what is wrong with y, and when
        keras_names.build_metrics(model, given.get("y"), given.get("y_pred"))
    parts: list[Any] = []
    undo: list[Callable[[], None]] = []
    with seen.catch_errors("seeing the loss"):
        if seen.here():
            seen.keep(keras_names.metric_variables(model))
        undo.append(keras_names.see_data_loss(model, parts.append))
    try:
        loss = original(*args, **kwargs)
    finally:
        for stop_seeing in undo:
            stop_seeing()
    if watchable(loss):
        seen.loss, seen.loss_graph = loss, keras_names.function_graph()
        seen.data_loss = parts[0] if len(parts) == 1 and parts[0] is not loss else None
    return loss


def see_tape() -> Callable[[], None]:
    """Note what a gradient tape is asked to differentiate: the loss of a custom step."""
    original = tf.GradientTape.gradient

    @functools.wraps(original)
    def gradient(tape: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
        seen = current_step()
        if seen is not None and seen.loss is None:
            with seen.catch_errors("seeing what a tape is asked for"):
                scalars = [item for item in tf.nest.flatten(target) if watchable(item)]
                if scalars:
                    seen.target, seen.loss_graph = scalars[0], keras_names.function_graph()
        return original(tape, target, *args, **kwargs)

    tf.GradientTape.gradient = gradient

    def undo() -> None:
        tf.GradientTape.gradient = original

    return undo
