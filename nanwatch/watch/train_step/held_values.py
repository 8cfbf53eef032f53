"""What a traced step must hold on to, so that its ops can be run once more as they ran.

Between what is held and the losses and gradients there are only ops that give the same for the same. So
held are the arguments of the step's function, what its stateful ops drew or fetched, and what it read of
variables that it writes to: seeds, averages, the weights of a network that it had updated by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import tensorflow as tf

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Op, Tensor
from nanwatch.watch.train_step.own_ops import is_own
from nanwatch.watch.train_step.traced_step import TracedStep

READING = frozenset(("ReadVariableOp", "ResourceGather", "ResourceGatherNd"))
HANDING = frozenset(("Placeholder", "Const", "VarHandleOp", "VariableShape", "Identity"))
# What replicas give each other. It is held, as it cannot be exchanged again, and so is what was given.
EXCHANGES = ("Collective", "NcclAllReduce")
SMALL = 4096  # elements of a variable that is copied in no time
CANNOT_BE_GIVEN = (tf.resource, tf.variant)  # to the host


def losses_and_gradients(seen: TracedStep) -> list[Tensor]:
    """What is asked of a bad step: its losses and gradients, in whichever graph they are."""
    gradients = [grad.values if isinstance(grad, tf.IndexedSlices) else grad for grad, _ in seen.gradients]
    return [*seen.targets, *(grad for grad in gradients if grad is not None)]


def values_to_hold(graph: Graph, targets: Iterable[Tensor], held_back: Sequence[range] = ()) -> list[Tensor]:
    """The tensors of ``graph`` of which ``targets`` can be had, be these in it or in a function it calls.

    Not among them are the variables' handles, and eager tensors that the graph has captured: those stay.
    ``held_back`` are the places of updates that a bad step does not make.
    """
    writes = Writes(graph, held_back)
    outside = {id(inside): tensor for tensor, inside in graph.captures}
    held: list[Tensor] = []

    def is_held(op: Op) -> bool:
        if op.type == "Placeholder":
            return not tensorflow_names.is_eager(outside.get(id(op.outputs[0])))
        if op.type in READING:
            return writes.are_of(op)
        runs_again = op.type in tensorflow_names.CALLS or op.type in HANDING
        return not runs_again and tensorflow_names.is_stateful(op)

    def is_last(op: Op) -> bool:
        return is_held(op) and not is_exchange(op)

    for op in ancestors(in_graph(graph, targets), is_last):
        if is_held(op):
            held += [tensor for tensor in op.outputs if tensor.dtype not in CANNOT_BE_GIVEN]
    return held


def is_exchange(op: Op) -> bool:
    """Whether ``op`` is where a replica gives what it has to the others, and gets theirs."""
    return bool(op.type.startswith(EXCHANGES))


class Writes:
    """Which ops of a graph may write to which variable."""

    def __init__(self, graph: Graph, held_back: Sequence[range]) -> None:
        self.held_back = held_back
        self.places: dict[str, int] = {}  # of the ops, by their names
        self.of_handle: dict[int, list[int]] = {}  # by the id of the variable's handle
        for place, op in enumerate(graph.get_operations()):
            self.places[op.name] = place
            if op.type in READING or op.type in HANDING or is_own(op.name):
                continue  # nanwatch's own read, or give back what was there
            for tensor in op.inputs:
                if tensor.dtype == tf.resource:
                    self.of_handle.setdefault(id(tensor), []).append(place)

    def are_of(self, read: Op) -> bool:
        """Whether what ``read`` reads may stand in the variable no more when the step is over, or not yet.

        To hold what is written to later means to copy it: that is done where it is small, as a seed is.
        """
        place, writes = self.places[read.name], self.of_handle.get(id(read.inputs[0]), [])
        changed = [one for one in writes if one < place or not any(one in each for each in self.held_back)]
        size = read.outputs[0].shape.num_elements()
        if size is not None and size <= SMALL:
            return bool(changed)
        return bool(changed) and max(writes) < place


def in_graph(graph: Graph, targets: Iterable[Tensor]) -> list[Tensor]:
    """``targets`` where they are of ``graph``; of others what the function that they are in was given."""
    mine = [tensor for tensor in targets if tensor.graph is graph]
    elsewhere = {id(tensor.graph): tensor.graph for tensor in targets if tensor.graph is not graph}
    for other in elsewhere.values():
        path = tensorflow_names.calls_to(graph, other)
        mine += path[0].inputs if path else []
    return mine


def ancestors(targets: Iterable[Tensor], is_last: Callable[[Op], bool]) -> Iterator[Op]:
    """The ops that ``targets`` are computed of, each once; nothing behind one that ``is_last``."""
    waiting, known = [tensor.op for tensor in targets], set[str]()
    while waiting:
        op = waiting.pop()
        if op.name not in known:
            known.add(op.name)
            yield op
            if not is_last(op):
                waiting += [tensor.op for tensor in op.inputs]
