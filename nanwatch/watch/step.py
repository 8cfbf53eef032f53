"""One step as it is traced: what passes by, and the guard that holds a bad update back."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from nanwatch.watch import keras_names
from nanwatch.watch.batch import named
from nanwatch.watch.sentinel import half_square_sum, surely_finite, watchable

CURRENT = threading.local()
Forgiving = Callable[[str], contextlib.AbstractContextManager[None]]


MAIL_ROOM = 1024  # gradients whose norms a mailbox can carry


@dataclass
class Mail:
    """Carries numbers out of a function of the script's own, whose tensors cannot leave it.

    Of fixed size, because XLA assigns no variable of unknown shape.
    """

    bad: tf.Variable
    loss: tf.Variable
    sums: tf.Variable

    @classmethod
    def box(cls) -> Mail:
        values = (tf.constant(False), tf.constant(0.0), tf.zeros([MAIL_ROOM]))
        return cls(*(tf.Variable(value, trainable=False, name="nanwatch_mail") for value in values))

    def post(self, bad: Any, loss: Any, sums: Sequence[Any]) -> None:
        self.bad.assign(bad)
        self.loss.assign(0.0 if loss is None else loss)
        kept = list(sums[:MAIL_ROOM])
        self.sums.assign(tf.stack(kept + [tf.constant(0.0)] * (MAIL_ROOM - len(kept))))


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
    out_of_reach: list[Any] = field(default_factory=list)  # layers called in another graph
    saved: dict[int, tuple[Any, Any]] = field(default_factory=dict)  # id -> (variable, value before)

    def here(self) -> bool:
        """Whether what is being traced now belongs to the step's own graph."""
        return keras_names.function_graph() is self.graph

    def keep(self, variables: Sequence[Any]) -> None:
        """Remember the values of ``variables`` from before the step. A read is no copy."""
        for variable in variables:
            if id(variable) not in self.saved:
                self.saved[id(variable)] = (variable, tf.convert_to_tensor(variable))

    def restore(self, when: Any) -> None:
        """Give the kept variables back their values if ``when``, a bool scalar, holds."""
        if not self.saved:
            return

        variables = [variable for variable, _ in self.saved.values()]
        values = [value for _, value in self.saved.values()]

        def put_back(values: Any) -> None:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

        guarded(tf.logical_not(when), put_back, values)


def current() -> Seen | None:
    return getattr(CURRENT, "seen", None)


@contextlib.contextmanager
def observing(model: Any, guard: Guard) -> Iterator[Seen]:
    """Trace or run one step of ``model`` inside this block to have it seen.

    The layers', the model's and the optimizer's methods are wrapped on the instances for the time
    of the block alone; a compiled step is traced once, so healthy steps run none of this.
    """
    seen = Seen(keras_names.function_graph())
    if not guard.inside:
        with guard.forgiving("wrapping the model"):
            guard.undo = wrap_model(model, guard)
    guard.inside += 1
    try:
        CURRENT.seen = seen
        with guard.forgiving("keeping the state of before"):
            seen.keep(keras_names.state_variables(model))
            seen.keep(keras_names.metric_variables(model))
        yield seen
    finally:
        CURRENT.seen = None
        guard.inside -= 1
        while not guard.inside and guard.undo:
            guard.undo.pop()()


def wrap_model(model: Any, guard: Guard) -> list[Callable[[], None]]:
    """Wrap what is to be seen, once for all replicas; each has its own `current` in its own thread."""
    undo = [
        wrap(layer, "call", functools.partial(see_call, layer)) for _, layer in keras_names.layers_of(model)
    ]
    undo.append(wrap(model, "call", see_prediction))
    undo.append(wrap(model, "compute_loss", functools.partial(see_loss, model)))
    if model.optimizer is not None:
        undo.append(wrap(model.optimizer, "apply", functools.partial(guard.apply, model.optimizer)))
    undo.append(see_tape())
    return undo


def wrap(thing: Any, name: str, wrapper: Callable[..., Any]) -> Callable[[], None]:
    """Put ``wrapper(original, *args, **kwargs)`` in the place of a method of one object."""
    original = getattr(thing, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    return keras_names.replace_attribute(thing, name, wrapped)


def see_call(layer: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    outputs = original(*args, **kwargs)
    seen = current()
    if seen is None:
        return outputs
    if not seen.here():
        seen.out_of_reach.append(layer)
        return outputs
    flat = [item for item in keras_names.flat_tensors(outputs) if isinstance(item, tf.Tensor)]
    inputs = [item for item in keras_names.flat_tensors((args, kwargs)) if isinstance(item, tf.Tensor)]
    seen.calls.append((layer, inputs, flat))
    if flat and watchable(flat[0]):
        seen.activations.append((layer, flat[0]))
    return outputs


def see_prediction(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    outputs = original(*args, **kwargs)
    seen = current()
    if seen is not None and seen.here():
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
    if seen.here():
        seen.keep(keras_names.metric_variables(model))
    parts: list[Any] = []
    stop_seeing = keras_names.see_data_loss(model, parts.append)
    try:
        loss = original(*args, **kwargs)
    finally:
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
        scalars = [item for item in tf.nest.flatten(target) if watchable(item)]
        seen = current()
        if seen is not None and seen.loss is None and scalars:
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


@dataclass
class Guard:
    """Holds back the update of a step whose loss or gradients are not finite."""

    halted: tf.Variable  # bool scalar: an earlier step was bad and nothing is applied any more
    mail: Mail
    forgiving: Forgiving
    posted: list[tuple[Any, Any]] | None = None  # what the mail is about; a function is traced only once
    hold: bool = True  # False: on_incident="continue", the update is applied whatever it is
    inside: int = 0  # replicas that are being traced now
    undo: list[Callable[[], None]] = field(default_factory=list)

    def apply(
        self,
        optimizer: Any,
        original: Callable[..., Any],
        grads: Any,
        trainable_variables: Any = None,
    ) -> None:
        grads = list(grads)
        seen = current()
        if seen is None:
            original(grads, trainable_variables)
            return
        held: Any = None
        with self.forgiving("weighing the gradients"):
            held = self.weigh(seen, optimizer, grads, trainable_variables)
        if held is None or not self.hold:
            original(grads, trainable_variables)
            return
        if trainable_variables is not None and not optimizer.built:
            optimizer.build(list(trainable_variables))
        guarded(held, original, grads, trainable_variables)

    def weigh(self, seen: Seen, optimizer: Any, grads: list[Any], trainable_variables: Any) -> Any:
        """Whether this update is to be held back, a bool scalar; what was seen goes into ``seen``."""
        variables = list(trainable_variables or optimizer.variables[: len(grads)])
        known = list(zip(grads, variables, strict=False))
        present = [grad for grad, _ in known if watchable(grad)]
        raw = [half_square_sum(grad) for grad in present]
        sums = unscaled(raw, keras_names.unscaled_factor(optimizer))
        bad = self.is_bad(seen, optimizer, raw, present)
        seen.gradients += known
        if not seen.here():
            self.posted = known
            self.mail.post(bad, loss_seen(seen, optimizer), sums)
            return tf.logical_or(bad, self.halted)
        seen.sums += sums
        seen.bad = bad if seen.bad is None else tf.logical_or(seen.bad, bad)
        if replicas() > 1:
            seen.held = anywhere(seen.bad)
            return seen.held
        return tf.logical_or(seen.bad, self.halted)

    def is_bad(self, seen: Seen, optimizer: Any, sums: Sequence[Any], grads: Sequence[Any]) -> Any:
        loss = loss_seen(seen, optimizer)
        fine = tf.constant(True) if loss is None else tf.math.is_finite(loss)
        if not keras_names.is_loss_scaling(optimizer):  # it skips an overflow itself: that is health
            fine = tf.logical_and(fine, surely_finite(sums, grads))
        return tf.logical_not(fine)


def unscaled(sums: Sequence[Any], factor: Any) -> list[Any]:
    if factor is None:
        return list(sums)
    square = tf.square(tf.cast(factor, tf.float32))
    return [value / square for value in sums]


def replicas() -> int:
    """How many replicas train in step; 1 outside a replica and without a strategy."""
    context = tf.distribute.get_replica_context() if tf.distribute.has_strategy() else None
    return 1 if context is None else int(context.num_replicas_in_sync)


def anywhere(flag: Any) -> Any:
    """Whether ``flag`` holds in any replica: all of them get the same answer."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.cast(flag, tf.float32)) > 0


def guarded(held: Any, apply: Callable[..., Any], *args: Any) -> None:
    """``apply(*args)`` unless ``held``, a bool scalar that all replicas agree on."""
    if replicas() > 1:
        tf.distribute.get_replica_context().merge_call(
            functools.partial(apply_across, apply), args=(held, *args)
        )
        return

    def go() -> tf.Tensor:
        apply(*args)
        return tf.constant(0)

    # Not kept whole: that would hide the update from TensorFlow's rewriting of the graph, and some
    # optimizers' weights would come out with another last bit than without nanwatch.
    tf.cond(held, lambda: tf.constant(0), go)


def apply_across(apply: Callable[..., Any], strategy: Any, held: Any, *args: Any) -> None:
    """In cross-replica context, the only one in which a cond may lead to a variable's update."""
    decision = strategy.experimental_local_results(held)[0]

    def go() -> tf.Tensor:
        strategy.extended.call_for_each_replica(apply, args=args)
        return tf.constant(0)

    tf.cond(decision, lambda: tf.constant(0), go)
