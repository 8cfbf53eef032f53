"""One step as it is traced: what passes by."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from nanwatch.watch import across, keras_names, writes
from nanwatch.watch.batch import named
from nanwatch.watch.fresh import calling_copies
from nanwatch.watch.sentinel import watchable
from nanwatch.watch.wrapping import see_optimizers, wrap

if TYPE_CHECKING:
    from nanwatch.watch.guard import Guard

CURRENT = threading.local()
Forgiving = Callable[[str], contextlib.AbstractContextManager[None]]


def unforgiving(doing: str) -> contextlib.AbstractContextManager[None]:
    """Lets every error through."""
    return contextlib.nullcontext()


@dataclass
class Seen:
    """What one traced step shows. Tensors belong to ``graph``; None means eager."""

    graph: Any
    activations: list[tuple[Any, Any]] = field(default_factory=list)  # (layer, first output)
    calls: list[tuple[Any, list[Any], list[Any]]] = field(default_factory=list)  # layer, inputs, outputs
    outputs: list[tuple[str, Any]] = field(default_factory=list)  # (key, predictions)
    unwrapped: set[str] = field(default_factory=set)  # outputs whose logits Keras gives to the loss
    loss: Any = None
    data_loss: Any = None  # the part of ``loss`` that the data make, where penalties come on top
    target: Any = None  # what the tape was asked to differentiate
    loss_graph: Any = None  # the graph that ``loss`` or ``target`` belongs to
    gradients: list[tuple[Any, Any]] = field(default_factory=list)  # (gradient or None, variable)
    sums: list[Any] = field(default_factory=list)  # half square sums of the gradients, in order
    held: Any = None  # under tf.distribute: bad in any replica
    bad: Any = None  # bool scalar: the update was, or should have been, held back
    losses: list[Any] = field(default_factory=list)  # one for each update, in order
    optimizers: list[Any] = field(default_factory=list)  # that were applied, in order
    applying: bool = False  # an optimizer's own optimizer is not another one
    inside_call: int = 0  # of a layer or of the model
    out_of_reach: list[Any] = field(default_factory=list)  # layers called in another graph
    saved: dict[int, tuple[Any, Any]] = field(default_factory=dict)  # id -> (variable, value before)
    at_start: dict[int, tuple[Any, Any]] = field(default_factory=dict)  # as ``saved``, not yet wanted
    guarded_ops: list[range] = field(default_factory=list)  # places of the guarded updates in ``graph``
    forgiving: Forgiving = unforgiving
    before: list[tuple[Any, Any, Any]] = field(default_factory=list)  # (graph, variable, value before)

    def here(self) -> bool:
        """Whether what is being traced now belongs to the step's own graph."""
        return keras_names.function_graph() is self.graph

    def keep(self, variables: Sequence[Any]) -> None:
        """Remember the values of ``variables`` from before the step. A read is no copy."""
        for variable in variables:
            if id(variable) not in self.saved:
                self.saved[id(variable)] = (variable, tf.convert_to_tensor(variable))

    def keep_in_reserve(self, variables: Sequence[Any]) -> None:
        """Read what a step of the script's own may assign to. Of it `reserve_written` takes what it does."""
        for variable in variables:
            self.at_start[id(variable)] = (variable, tf.convert_to_tensor(variable))

    def reserve_written(self, all_of_it: bool) -> None:
        """Restore, too, what the step has assigned to by itself, past every optimizer: averages, say.

        Eager steps cannot be asked; there, and with ``all_of_it``, the whole reserve is restored.
        """
        written = None if all_of_it else writes.written(self.graph, self.guarded_ops, self.at_start)
        for name, kept in self.at_start.items():
            if written is None or name in written:
                self.saved.setdefault(name, kept)

    def holds(self, optimizer: Any) -> bool:
        """Whether all that ``optimizer`` keeps of earlier steps can be restored."""
        return all(id(variable) in self.saved for variable in optimizer.variables)

    def restore(self, when: Any) -> None:
        """Give the kept variables back their values if ``when``, a bool scalar, holds."""
        across.put_back(when, list(self.saved.values()))

    def before_update(self, variables: Sequence[Any]) -> None:
        """Remember what an update is about to change: one that follows in the same step may be bad.

        Where none follows nothing consumes the reads.
        """
        graph = keras_names.function_graph()
        known = {id(variable) for where, variable, _ in self.before if where is graph}
        for variable in variables:
            if id(variable) not in known:
                known.add(id(variable))
                self.before.append((graph, variable, tf.convert_to_tensor(variable)))

    def updated_before(self) -> tuple[list[tuple[Any, Any]], bool]:
        """What earlier updates of the step changed, each variable with its value from before them.

        Of a variable that was read in the step's own graph the value is at hand when the step ends.
        Answers too whether there are some whose value cannot be had: it is inside another function.
        """
        graph = keras_names.function_graph()
        at_hand, lost = [], False
        for where, variable, value in self.before:
            if where is graph:
                at_hand.append((variable, value))
            elif where is self.graph:
                self.saved.setdefault(id(variable), (variable, value))
            elif graph is None or where.name != graph.name:  # else an earlier trace of the same function
                lost = True
        return at_hand, lost


def current() -> Seen | None:
    return getattr(CURRENT, "seen", None)


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """What is run in this block is nanwatch's own doing, and no training that a loop's watch should see."""
    before = current()
    CURRENT.seen = Seen(keras_names.function_graph())
    try:
        yield
    finally:
        CURRENT.seen = before


@contextlib.contextmanager
def observing(model: Any, guard: Guard) -> Iterator[Seen]:
    """Trace or run one step of ``model`` inside this block to have it seen.

    The layers', the model's and the optimizer's methods are wrapped on the instances for the time
    of the block alone; a compiled step is traced once, so healthy steps run none of this.
    """
    seen = Seen(keras_names.function_graph(), forgiving=guard.forgiving)
    if not guard.inside:
        with guard.forgiving("wrapping the model"):
            guard.undo = wrap_model(model, guard)
    guard.inside += 1
    try:
        CURRENT.seen = seen
        with guard.forgiving("keeping the state of before"):
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


def wrap_model(model: Any, guard: Guard) -> list[Callable[[], None]]:
    """Wrap what is to be seen, once for all replicas; each has its own `current` in its own thread."""
    undo: list[Callable[[], None]] = []
    try:
        for _, layer in keras_names.layers_of(model):
            undo.append(wrap(layer, "call", functools.partial(see_call, layer)))
        undo.append(wrap(model, "call", see_prediction))
        undo.append(wrap(model, "compute_loss", functools.partial(see_loss, model)))
        undo += see_optimizers(model, guard.apply)
        undo.append(see_tape())
        undo.append(calling_copies(guard.copies, outside_of_layers))
    except BaseException:
        while undo:
            undo.pop()()
        raise
    return undo


def outside_of_layers() -> bool:
    """Whether a function called here may hold the step's loss, gradients and updates."""
    seen = current()
    return seen is not None and not seen.inside_call


@contextlib.contextmanager
def inside_call() -> Iterator[None]:
    seen = current()
    if seen is None:
        yield
        return
    seen.inside_call += 1
    try:
        yield
    finally:
        seen.inside_call -= 1


def see_call(layer: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with inside_call():
        outputs = original(*args, **kwargs)
    seen = current()
    if seen is None:
        return outputs
    with seen.forgiving("seeing a layer's output"):
        note_call(seen, layer, (args, kwargs), outputs)
    return outputs


def note_call(seen: Seen, layer: Any, given: Any, outputs: Any) -> None:
    if not seen.here():
        seen.out_of_reach.append(layer)
        return
    flat = [item for item in keras_names.flat_tensors(outputs) if isinstance(item, tf.Tensor)]
    inputs = [item for item in keras_names.flat_tensors(given) if isinstance(item, tf.Tensor)]
    seen.calls.append((layer, inputs, flat))
    if flat and watchable(flat[0]):
        seen.activations.append((layer, flat[0]))


def see_prediction(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with inside_call():
        outputs = original(*args, **kwargs)
    seen = current()
    if seen is not None and seen.here():
        with seen.forgiving("seeing the predictions"):
            seen.outputs = [(key, item) for key, item in named(outputs) if watchable(item)]
            seen.unwrapped = {key for key, item in seen.outputs if keras_names.carries_logits(item)}
    return outputs


def see_loss(model: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    seen = current()
    if seen is None:
        return original(*args, **kwargs)
    given = dict(zip(("x", "y", "y_pred"), args, strict=False)) | kwargs
    with contextlib.suppress(Exception):  # Keras says better what is wrong with y, and when
        keras_names.build_metrics(model, given.get("y"), given.get("y_pred"))
    parts: list[Any] = []
    undo: list[Callable[[], None]] = []
    with seen.forgiving("seeing the loss"):
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
        seen = current()
        if seen is not None and seen.loss is None:
            with seen.forgiving("seeing what a tape is asked for"):
                scalars = [item for item in tf.nest.flatten(target) if watchable(item)]
                if scalars:
                    seen.target, seen.loss_graph = scalars[0], keras_names.function_graph()
        return original(tape, target, *args, **kwargs)

    tf.GradientTape.gradient = gradient

    def undo() -> None:
        tf.GradientTape.gradient = original

    return undo


def loss_seen(seen: Seen, optimizer: Any) -> Any:
    """The true loss of the batch, unscaled; None where it is out of reach from here."""
    if seen.loss_graph is not keras_names.function_graph():
        return None
    if seen.loss is not None:
        return tf.cast(tf.reduce_mean(seen.loss), tf.float32)
    if seen.target is None:
        return None
    value = tf.cast(tf.reduce_mean(seen.target), tf.float32)
    factor = keras_names.unscaled_factor(optimizer)
    return value if factor is None else value / tf.cast(factor, tf.float32)


def has_penalty(seen: Seen) -> bool:
    """Whether the loss of the batch is more than its data make, and both can be had from here."""
    return seen.data_loss is not None and seen.loss_graph is keras_names.function_graph()


def penalty_seen(seen: Seen) -> Any:
    """What comes on top of the loss of the data: regularisers, ``add_loss``; None without any."""
    if not has_penalty(seen):
        return None
    whole, data = (tf.cast(tf.reduce_mean(part), tf.float32) for part in (seen.loss, seen.data_loss))
    return whole - data
