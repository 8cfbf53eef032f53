"""One step as it is traced: what passes by."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import (
    Gradient,
    Graph,
    Layer,
    Operation,
    Optimizer,
    R,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step import conditional_update, variable_writes
from nanwatch.watch.train_step.conditional_update import KeptValue
from nanwatch.watch.train_step.loss_uses import LossUse

CURRENT = threading.local()
CatchErrors = Callable[[str], contextlib.AbstractContextManager[None]]


def let_errors_through(doing: str) -> contextlib.AbstractContextManager[None]:
    """Lets every error through."""
    return contextlib.nullcontext()


class LayerCall(NamedTuple):
    """A call of a layer, with the tensors that went in and came out."""

    layer: Layer
    inputs: list[Tensor]
    outputs: list[Tensor]


class ReadBefore(NamedTuple):
    """A variable as it was read in ``graph`` before an update."""

    graph: Graph | None
    kept: KeptValue


@dataclass
class TracedStep:
    """What one traced step shows. Tensors belong to ``graph``; None means eager."""

    graph: Graph | None
    is_kept: bool = True  # not thrown away once it has been traced
    activations: list[tuple[Layer, Tensor]] = field(default_factory=list)  # (layer, first output)
    calls: list[LayerCall] = field(default_factory=list)  # inner layers before outer ones
    inputs: list[tuple[str, Tensor]] = field(default_factory=list)  # (key, what is given), in a graph
    outputs: list[tuple[str, Tensor]] = field(default_factory=list)  # (key, predictions)
    unwrapped: set[str] = field(default_factory=set)  # outputs whose logits Keras gives to the loss
    loss: Tensor | None = None  # a scalar, or one number a row where a script's own gives that
    data_loss: Tensor | None = None  # the part of ``loss`` that the data make, where penalties come on top
    target: Tensor | None = None  # what the tape was asked to differentiate
    targets: list[Tensor] = field(default_factory=list)  # every loss of the step, in whichever graph
    loss_graph: Graph | None = None  # the graph that ``loss`` or ``target`` belongs to
    in_compiled_loss: bool = False  # what `compile` was given is being asked
    loss_uses: list[LossUse] = field(default_factory=list)  # by the script itself
    gradients: list[Gradient] = field(default_factory=list)
    sums: list[Tensor] = field(default_factory=list)  # half square sums of those that are there, in order
    held: Tensor | None = None  # bool scalar, under tf.distribute: bad in any replica
    bad: Tensor | None = None  # bool scalar: the update was, or should have been, held back
    losses: list[Tensor] = field(default_factory=list)  # float32 scalars, one for each update, in order
    optimizers: list[Optimizer] = field(default_factory=list)  # that were applied, in order
    is_scaled: bool = False  # an optimizer was asked to scale a loss
    applying: bool = False  # an optimizer's own optimizer is not another one
    callers: list[Operation] = field(default_factory=list)  # being called, models too; innermost last
    out_of_reach: list[Layer] = field(default_factory=list)  # called in another graph
    saved: dict[int, KeptValue] = field(default_factory=dict)  # by the id of the variable
    put_by: set[int] = field(default_factory=set)  # of ``saved``, what is held until the next step
    at_start: dict[int, KeptValue] = field(default_factory=dict)  # as ``saved``, not yet wanted
    guarded_ops: list[range] = field(default_factory=list)  # places of the guarded updates in ``graph``
    catch_errors: CatchErrors = let_errors_through
    before: list[ReadBefore] = field(default_factory=list)
    earlier: list[KeptValue] = field(default_factory=list)  # of ``before``, of all updates but the last

    def here(self) -> bool:
        """Whether what is being traced now belongs to the step's own graph."""
        return tensorflow_names.traced_graph() is self.graph

    def keep(self, variables: Sequence[Variable]) -> list[KeptValue]:
        """Remember the values of ``variables`` from before the step; the new ones. A read is no copy."""
        new = [variable for variable in variables if id(variable) not in self.saved]
        found = [KeptValue(variable, tf.convert_to_tensor(variable)) for variable in new]
        self.saved |= {id(kept.variable): kept for kept in found}
        self.put_by |= self.saved.keys()
        return found

    def keep_in_reserve(self, variables: Sequence[Variable]) -> None:
        """Read what a step of the script's own may assign to. Of it `reserve_written` takes what it does."""
        for variable in variables:
            self.at_start[id(variable)] = KeptValue(variable, tf.convert_to_tensor(variable))

    def reserve_written(self, all_of_it: bool) -> None:
        """Restore, too, what the step has assigned to by itself, past every optimizer: averages, say.

        Eager steps cannot be asked; there, and with ``all_of_it``, the whole reserve is restored.
        """
        written = (
            None if all_of_it else variable_writes.find_written(self.graph, self.guarded_ops, self.at_start)
        )
        for name, kept in self.at_start.items():
            if written is None or name in written:
                self.saved.setdefault(name, kept)

    def holds(self, optimizer: Optimizer) -> bool:
        """Whether all that ``optimizer`` keeps of earlier steps can be restored."""
        return all(id(variable) in self.saved for variable in seam().kept_by(optimizer))

    def restore(self, when: Tensor) -> None:
        """Give the kept variables back their values if ``when``, a bool scalar, holds."""
        conditional_update.put_back(when, list(self.saved.values()))

    def before_update(self, variables: Sequence[Variable]) -> None:
        """Remember what an update is about to change: one that follows in the same step may be bad.

        Where none follows nothing consumes the reads.
        """
        graph = tensorflow_names.traced_graph()
        known = {id(kept.variable) for where, kept in self.before if where is graph}
        for variable in variables:
            if id(variable) not in known:
                known.add(id(variable))
                kept = KeptValue(variable, tf.convert_to_tensor(variable))
                self.before.append(ReadBefore(graph, kept))

    def updated_before(self) -> tuple[list[KeptValue], bool]:
        """What earlier updates of the step changed, each variable with its value from before them.

        Of a variable that was read in the step's own graph the value is at hand when the step ends.
        Answers too whether there are some whose value cannot be had: it is inside another function.
        """
        graph = tensorflow_names.traced_graph()
        at_hand, lost = [], False
        self.earlier = [kept for where, kept in self.before if where is self.graph]
        for where, kept in self.before:
            if where is graph:
                at_hand.append(kept)
            elif where is self.graph:
                self.saved.setdefault(id(kept.variable), kept)
            elif graph is None or where is None or where.name != graph.name:
                lost = True  # else it is an earlier trace of the same function
        return at_hand, lost


def call_seen(
    seen: TracedStep,
    called: Operation,
    original: Callable[..., R],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
) -> R:
    """``original(*args, **kwargs)``, the call of a layer, an operation or the model."""
    seen.callers.append(called)
    try:
        return original(*args, **kwargs)
    finally:
        seen.callers.pop()


CALL_OF_LAYER = call_seen.__code__


def current_step() -> TracedStep | None:
    return getattr(CURRENT, "seen", None)


@contextlib.contextmanager
def suspend_watching() -> Iterator[None]:
    """What is run in this block is nanwatch's own doing, and no training that a loop's watch should see."""
    before = current_step()
    CURRENT.seen = TracedStep(tensorflow_names.traced_graph())
    try:
        yield
    finally:
        CURRENT.seen = before


def batch_loss(seen: TracedStep, optimizer: Optimizer | None) -> Tensor | None:
    """The true loss of the batch, a float32 scalar, unscaled; None where it is out of reach from here."""
    if seen.loss_graph is not tensorflow_names.traced_graph():
        return None
    if seen.loss is not None:
        return mean_of(seen.loss)
    if seen.target is None:
        return None
    value = mean_of(seen.target)
    factor = None if optimizer is None or lacks_scale(seen, optimizer) else seam().scale_of_loss(optimizer)
    return value if factor is None else tf.divide(value, tf.cast(factor, tf.float32))


def lacks_scale(seen: TracedStep, optimizer: Optimizer) -> bool:
    """Whether ``optimizer`` takes off a scale that it was not asked to put on the loss."""
    return seam().is_loss_scaling(optimizer) and not seen.is_scaled


def has_penalty(seen: TracedStep) -> bool:
    """Whether the loss of the batch is more than its data make, and both can be had from here."""
    return seen.data_loss is not None and seen.loss_graph is tensorflow_names.traced_graph()


def batch_penalty(seen: TracedStep) -> Tensor | None:
    """What comes on top of the loss of the data: regularisers, ``add_loss``; None without any.

    A float32 scalar.
    """
    if not has_penalty(seen) or seen.loss is None or seen.data_loss is None:
        return None
    penalty: Tensor = tf.subtract(mean_of(seen.loss), mean_of(seen.data_loss))
    return penalty


def mean_of(loss: Tensor) -> Tensor:
    """The mean over the rows, where a loss is not a scalar yet: a float32 scalar."""
    mean: Tensor = tf.cast(tf.reduce_mean(loss), tf.float32)
    return mean
