"""What a step without a guard writes when no batch comes any more: the last call of data of unknown size.

TensorFlow ends such a call at the op that asks for the batch, and by then has run whatever does not wait
for it: the optimizer counts a step more, a weight that decays has decayed once more. A guarded update
waits as a whole, so that its part of this is made up for.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import NamedTuple

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Apply, Graph, Tensor, Variable
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.variable_writes import is_write


class GuardedUpdate(NamedTuple):
    """An update as it was traced: what was called, with gradients of which kinds."""

    apply: Apply
    kinds: list[tf.TypeSpec | None]  # None: a variable that has no gradient
    variables: Sequence[Variable] | None
    function: str  # the name of the function that was traced, and which trace of it
    trace: weakref.ref[Graph] | None

    @classmethod
    def of(
        cls, apply: Apply, grads: Sequence[Tensor | None], variables: Sequence[Variable] | None
    ) -> GuardedUpdate:
        kinds = [None if grad is None else tf.type_spec_from_value(grad) for grad in grads]
        graph = tensorflow_names.traced_graph()
        if graph is None:
            return cls(apply, kinds, variables, "", None)
        return cls(apply, kinds, variables, graph.name, weakref.ref(graph))

    def is_later_trace_of(self, other: GuardedUpdate) -> bool:
        return self.function == other.function and self.trace != other.trace


def make(update: GuardedUpdate) -> None:
    """Make of ``update`` what waits for no gradient; raises what tracing it does."""

    def whole(given: list[Tensor]) -> None:
        rest = iter(given)
        update.apply([None if kind is None else next(rest) for kind in update.kinds], update.variables)

    kinds = [kind for kind in update.kinds if kind is not None]
    graph = tf.function(whole, autograph=False).get_concrete_function(kinds).graph
    captured = {inside.name: outside for outside, inside in graph.captures}
    names = writes_before(graph, [each for each in graph.inputs if each.name not in captured])

    def part() -> None:
        tensorflow_names.import_ops(graph, names, captured)

    if names:
        tf.function(part, autograph=False)()


def writes_before(graph: Graph, waiting: Sequence[Tensor]) -> list[str]:
    """The names of the ops of ``graph`` that write and can run before the tensors ``waiting`` are there."""
    late = {tensor.op for tensor in waiting}
    found = []
    for op in graph.get_operations():
        if late.isdisjoint([*(tensor.op for tensor in op.inputs), *op.control_inputs]):
            found += [op.name] if is_write(op) else []
        else:
            late.add(op)
    return found
