"""What a traced step must hold on to, so that its ops can be run once more as they ran.

Between what is held and the losses and gradients there are only ops that give the same for the same. So
held are the arguments of the step's function, what its stateful ops drew or fetched, and what it read of
variables that it writes to: seeds, averages, the weights of a network that it had updated by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from nanwatch.watch.keras_seam import held_functions, tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.own_ops import is_own
from nanwatch.watch.train_step.traced_step import TracedStep

READING = frozenset(("ReadVariableOp", "ResourceGather", "ResourceGatherNd"))
HANDING = frozenset(("Placeholder", "Const", "VarHandleOp", "VariableShape", "Identity"))
# What they call once, or not at all: there each of their tensors has one value, or none.
OPENED = frozenset(("PartitionedCall", "StatefulPartitionedCall", "If", "StatelessIf"))
LOOPS = frozenset(("While", "StatelessWhile"))
# What replicas give each other. It is held, as it cannot be exchanged again, and so is what was given.
EXCHANGES = ("Collective", "NcclAllReduce")
SMALL = 4096  # elements of a variable that is copied in no time
CANNOT_BE_GIVEN = ("resource", "variant")  # to the host: names of dtypes


def losses_and_gradients(seen: TracedStep) -> list[Tensor]:
    """What is asked of a bad step: its losses and gradients, in whichever graph they are."""
    gradients = [grad.values if isinstance(grad, tf.IndexedSlices) else grad for grad, _ in seen.gradients]
    return [*seen.targets, *(grad for grad in gradients if grad is not None)]


def values_to_hold(graph: Graph, targets: Iterable[Tensor], held_back: Sequence[range] = ()) -> list[Tensor]:
    """The tensors of ``graph`` of which ``targets`` can be had, be these in it or in a function it calls.

    Not among them are the variables' handles, and eager tensors that the graph has captured: those stay.
    ``held_back`` are the places of updates that a bad step does not make. What a function that is called,
    or a branch, draws is made one of its outputs.
    """
    outside = {id(inside): tensor for tensor, inside in graph.captures}

    def is_held(op: Op) -> bool:
        return not tensorflow_names.is_eager(outside.get(id(op.outputs[0])))

    return held_of(graph, list(targets), Writes(graph, held_back), is_held)


def held_of(
    graph: Graph, targets: list[Tensor], writes: Writes, is_argument_held: Callable[[Op], bool]
) -> list[Tensor]:
    held: list[Tensor] = []

    def is_held(op: Op) -> bool:
        if op.type == "Placeholder":
            return is_argument_held(op)
        if op.type in READING:
            return writes.are_of(op)
        if op.type in LOOPS:
            return is_drawing_loop(op)
        if any(map(is_drawing_loop, loops_whose_lists(op))):
            return True
        runs_again = op.type in tensorflow_names.CALLS or op.type in HANDING
        return not runs_again and tensorflow_names.is_stateful(op)

    def is_last(op: Op) -> bool:
        return is_held(op) and not is_exchange(op) and op.type not in LOOPS and not loops_whose_lists(op)

    begin = in_graph(graph, targets)
    calls = {path[0].name: path[0] for path in paths_to(graph, targets)}
    for op in ancestors(begin, is_last):
        if is_held(op):
            held += [tensor for tensor in op.outputs if tensor.dtype.name not in CANNOT_BE_GIVEN]
        elif op.type in OPENED:
            calls[op.name] = op
    for op in calls.values():
        if op.type in OPENED:
            held += drawn_inside(op, targets, writes)
    return held


def drawn_inside(op: Op, targets: list[Tensor], writes: Writes) -> list[Tensor]:
    """The outputs of ``op`` that bring out what is held of the functions that it calls."""
    called = tensorflow_names.called_graphs(op)
    if tensorflow_names.is_compiled_inside(op) or len(called) < len(tensorflow_names.CALLS[op.type]):
        return []
    found = {}
    for name, inner in called.items():
        wanted = [*inner.outputs, *(tensor for tensor in targets if tensor.graph is not op.graph)]
        found[name] = held_of(inner, wanted, writes.inside(op, inner), lambda argument: False)
    return held_functions.bring_out(op, found) if any(found.values()) else []


def is_drawn_again(graph: Graph, targets: Iterable[Tensor]) -> bool:
    """Whether ``targets`` depend on what is drawn anew, and not held, when ``graph`` is run once more."""
    targets = list(targets)
    calls = [path[0] for path in paths_to(graph, targets)]
    for op in (*calls, *ancestors(in_graph(graph, targets), lambda op: False)):
        called = tensorflow_names.called_graphs(op)
        if op.type in OPENED and not tensorflow_names.is_compiled_inside(op):
            elsewhere = [tensor for tensor in targets if tensor.graph is not graph]
            if any(is_drawn_again(inner, [*inner.outputs, *elsewhere]) for inner in called.values()):
                return True
        elif any(draws(inner, is_put_back=op.type in OPENED) for inner in called.values()):
            return True
    return False


def is_drawing_loop(op: Op) -> bool:
    """Whether ``op`` is a loop in which something is drawn: what comes out of it alone can be held."""
    return op.type in LOOPS and any(map(draws, tensorflow_names.called_graphs(op).values()))


def loops_whose_lists(op: Op) -> list[Op]:
    """The loops out of whose lists ``op`` makes a tensor: a list itself cannot be held."""
    gives_a_list = any(tensor.dtype.name in CANNOT_BE_GIVEN for tensor in op.outputs)
    if op.type in tensorflow_names.CALLS or gives_a_list:
        return []
    lists = (tensor for tensor in op.inputs if tensor.dtype == tf.variant)
    return [tensor.op for tensor in lists if tensor.op.type in LOOPS]


def is_of_loop(graph: Graph, name: str) -> bool:
    """Whether the tensor of this name is what came out of a loop, be it in a function that is called."""
    op = tensorflow_names.tensor_named(graph, name).op
    inside = held_functions.inside_of(op, name)
    return op.type in LOOPS or bool(loops_whose_lists(op)) if inside is None else is_of_loop(*inside)


def draws(graph: Graph, is_put_back: bool = False) -> bool:
    """Whether ``graph``, or what it calls, gives other numbers each time it is run.

    ``is_put_back``: what it writes to variables is undone before it is run again, as that of a bad step is.
    """
    written = {id(tensor) for op in graph.get_operations() for tensor in written_by(op)}
    for op in graph.get_operations():
        if op.type in READING:
            if id(op.inputs[0]) in written and not is_put_back:
                return True
        elif op.type in tensorflow_names.CALLS:
            if any(draws(inner, is_put_back) for inner in tensorflow_names.called_graphs(op).values()):
                return True
        elif op.type not in HANDING and tensorflow_names.is_stateful(op) and op.outputs:
            return True
    return False


def is_exchange(op: Op) -> bool:
    """Whether ``op`` is where a replica gives what it has to the others, and gets theirs."""
    return bool(op.type.startswith(EXCHANGES))


class Writes:
    """Which ops of a graph may write to which variable."""

    def __init__(self, graph: Graph, held_back: Sequence[range] = ()) -> None:
        self.held_back = held_back
        self.written_outside: dict[int, bool] = {}  # by the id of a handle that a called graph was given
        self.places: dict[str, int] = {}  # of the ops, by their names
        self.of_handle: dict[int, list[int]] = {}  # by the id of the variable's handle
        for place, op in enumerate(graph.get_operations()):
            self.places[op.name] = place
            for tensor in written_by(op):
                self.of_handle.setdefault(id(tensor), []).append(place)

    def inside(self, op: Op, called: Graph) -> Writes:
        """Of a graph that ``op`` calls, which may be given variables that are written to outside."""
        found = Writes(called)
        arguments = op.inputs[len(op.inputs) - len(called.inputs) :]
        for outside, inside in zip(arguments, called.inputs, strict=True):
            if outside.dtype == tf.resource:
                found.written_outside[id(inside)] = self.may_be_changed(self.places[op.name], outside, True)
        return found

    def are_of(self, read: Op) -> bool:
        """Whether what ``read`` reads may stand in the variable no more when the step is over, or not yet.

        To hold what is written to later means to copy it: that is done where it is small, as a seed is.
        """
        size = read.outputs[0].shape.num_elements()
        is_small = size is not None and size <= SMALL
        return self.may_be_changed(self.places[read.name], read.inputs[0], is_small)

    def may_be_changed(self, place: int, handle: Tensor, is_small: bool) -> bool:
        if self.written_outside.get(id(handle), False) and is_small:
            return True
        writes = [one for one in self.of_handle.get(id(handle), []) if one != place]
        changed = [one for one in writes if one < place or not any(one in each for each in self.held_back)]
        return bool(changed) and (is_small or max(writes) < place)


def written_by(op: Op) -> list[Tensor]:
    """The handles of the variables that ``op`` may write to."""
    if op.type in READING or op.type in HANDING or is_own(op.name):
        return []  # nanwatch's own read, or give back what was there
    handles = [tensor for tensor in op.inputs if tensor.dtype == tf.resource]
    if not handles or op.type not in tensorflow_names.CALLS:
        return handles
    written: set[int] = set()
    for called in tensorflow_names.called_graphs(op).values():
        inside = {id(tensor) for each in called.get_operations() for tensor in written_by(each)}
        arguments = op.inputs[len(op.inputs) - len(called.inputs) :]
        pairs = zip(arguments, called.inputs, strict=True)
        written |= {id(outside) for outside, argument in pairs if id(argument) in inside}
    return [tensor for tensor in handles if id(tensor) in written]


def in_graph(graph: Graph, targets: Iterable[Tensor]) -> list[Tensor]:
    """``targets`` where they are of ``graph``; of others what the function that they are in was given."""
    mine = [tensor for tensor in targets if tensor.graph is graph]
    return [*mine, *(tensor for path in paths_to(graph, targets) for tensor in path[0].inputs)]


def paths_to(graph: Graph, targets: Iterable[Tensor]) -> list[list[Op]]:
    """The calls through which ``graph`` comes to those of ``targets`` that are in functions."""
    elsewhere = {id(tensor.graph): tensor.graph for tensor in targets if tensor.graph is not graph}
    return [
        path for path in (tensorflow_names.calls_to(graph, other) for other in elsewhere.values()) if path
    ]


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
