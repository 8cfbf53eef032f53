"""What the argument of a bad op is made of: predictions, labels, inputs or weights; and by which op."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nanwatch.record.facts import MetConstant
from nanwatch.record.watchpoints import Role
from nanwatch.watch.incident.op_places import forward_op
from nanwatch.watch.incident.singular_arguments import SINGULAR
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.eager_ops import EagerOp
from nanwatch.watch.train_step.graph_places import places_of
from nanwatch.watch.train_step.traced_step import TracedStep

PASSING = frozenset(("Cast", "Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient"))
SHAPES = frozenset(("Shape", "ShapeN", "Size", "Rank", "Const"))  # not made of a tensor's numbers
# Their other inputs are places, sizes or axes.
OF_THE_FIRST = frozenset(
    (
        *("StridedSlice", "Slice", "GatherV2", "Reshape", "ExpandDims", "Squeeze", "Transpose", "Tile"),
        *("Sum", "Mean", "Max", "Min", "Prod", "BroadcastTo", "Pad", "Cumsum"),
    )
)
READS = frozenset(("ReadVariableOp", "ResourceGather"))
SOURCES = frozenset(("Placeholder", "IteratorGetNext"))
SUMS, CUTS = ("AddV2", "Add"), ("Minimum", "Maximum")
MOST_CONSTANTS = 8  # ops with one that are looked at
MOST_OPS = 2000  # that are looked at
ORDER: tuple[Role, ...] = ("output", "activation", "label", "input", "weight")


class Maker(NamedTuple):
    """What made a tensor."""

    type: str
    inputs: Sequence[Tensor]
    layer: object | None  # the innermost that was being called


@dataclass(frozen=True)
class Origin:
    made_by: str | None = None  # type of the op that made the argument
    made_of: tuple[Role, ...] = ()
    constants: tuple[MetConstant, ...] = ()  # added to it, or that it was cut off at, the last one first


UNKNOWN = Origin()
FindMaker = Callable[[Tensor], Maker | None]


@dataclass(frozen=True)
class Known:
    """Ids of the tensors that layers were given (data among them are inputs), and of the predictions."""

    given: frozenset[int]
    predicted: frozenset[int]


def trace_back(argument: Tensor, layer: object | None, maker_of: FindMaker, known: Known) -> Origin:
    """From the argument of an op that ``layer`` makes to what layers, the data and variables gave."""
    found: set[Role] = set()
    waiting, reached = [argument], set[int]()
    while waiting and len(reached) < MOST_OPS:
        tensor = waiting.pop()
        if id(tensor) in reached:
            continue
        reached.add(id(tensor))
        maker = maker_of(tensor)
        if layer is None and id(tensor) in known.predicted:
            found.add("output")
        elif maker is None or maker.type in SOURCES:
            if tensor.shape.rank == 0:
                continue  # a number of the script's
            found.add("input" if id(tensor) in known.given else "label")
        elif maker.type in READS:
            found.add("weight")
        elif maker.layer is not None and maker.layer is not layer:
            found.add("output" if layer is None else "activation")
        elif maker.type not in SHAPES:
            waiting += maker.inputs[:1] if maker.type in OF_THE_FIRST else maker.inputs
    return Origin(
        type_behind(argument, maker_of),
        tuple(role for role in ORDER if role in found),
        tuple(constants_before(argument, maker_of)),
    )


def type_behind(tensor: Tensor, maker_of: FindMaker) -> str | None:
    """The type of the op that made ``tensor``, through casts and through constants that are added to it."""
    maker = maker_of(tensor)
    while maker is not None and maker.inputs:
        varying = varying_inputs(maker, maker_of)
        is_sum = maker.type in SUMS and len(varying) == 1
        if maker.type not in PASSING and not is_sum:
            break
        maker = maker_of(varying[0] if varying else maker.inputs[0])
    return None if maker is None else maker.type


def constants_before(tensor: Tensor, maker_of: FindMaker) -> Iterator[MetConstant]:
    """The constants that were added to what became ``tensor``, or that cut it off; the last one first."""
    maker = maker_of(tensor)
    for _ in range(MOST_CONSTANTS):
        if maker is None or not maker.inputs or maker.type not in (*PASSING, *SUMS, *CUTS, "Sub"):
            return
        varying = varying_inputs(maker, maker_of)
        if len(varying) != 1 and maker.type not in PASSING:
            return
        taken = varying[0] if varying else maker.inputs[0]
        values = [value_of(each) for each in maker.inputs if each is not taken and maker.type not in PASSING]
        yield from (MetConstant(maker.type, value) for value in values if value is not None)
        maker = maker_of(taken)


def varying_inputs(maker: Maker, maker_of: FindMaker) -> list[Tensor]:
    return [each for each in maker.inputs if not is_constant(each, maker_of)]


def is_constant(tensor: Tensor, maker_of: FindMaker) -> bool:
    """A number of the script's: a constant of a graph, or what no op gave."""
    maker = maker_of(tensor)
    return maker.type == "Const" if maker is not None else tensor.shape.rank == 0


def value_of(tensor: Tensor) -> float | None:
    """That of a constant, a single number."""
    value = tf.get_static_value(tensor)
    return None if value is None or np.size(value) != 1 else float(np.reshape(value, ()))


def of_graph_op(op: Op, seen: TracedStep) -> Origin:
    """Of a traced op; of a backward one, of the forward op it is the gradient of."""
    of = forward_op(op) or op
    place = place_of_argument(of.type)
    if place >= len(of.inputs):
        return UNKNOWN
    numbers = {each.name: number for number, each in enumerate(of.graph.get_operations())}
    places = places_of(of.graph)

    def called_at(op: Op) -> object | None:
        found = places.called_at(numbers[op.name])
        return None if found is None else found.called()

    def maker_of(tensor: Tensor) -> Maker:
        return Maker(tensor.op.type, list(tensor.op.inputs), called_at(tensor.op))

    given = frozenset(
        id(source) for call in seen.calls for tensor in call.inputs for source in before_casts(tensor)
    )
    return trace_back(of.inputs[place], called_at(of), maker_of, known_of(seen, given))


def before_casts(tensor: Tensor) -> Iterator[Tensor]:
    """``tensor``, and what it was before casts."""
    yield tensor
    while not tensorflow_names.is_eager(tensor) and tensor.op.type in PASSING and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
        yield tensor


def known_of(seen: TracedStep, given: frozenset[int]) -> Known:
    return Known(given, frozenset(id(tensor) for _, tensor in seen.outputs))


def of_eager_op(op: EagerOp, seen: TracedStep, ran: Sequence[EagerOp]) -> Origin:
    """Of an op that ran; of a backward one nothing is known."""
    place = place_of_argument(type_of(op))
    if op.backward or place >= len(op.inputs):
        return UNKNOWN
    makers = {id(output): each for each in ran for output in each.outputs}

    def maker_of(tensor: Tensor) -> Maker | None:
        made = makers.get(id(tensor))
        return None if made is None else Maker(type_of(made), made.inputs, made.layer)

    given = frozenset(id(tensor) for each in ran if each.layer is not None for tensor in each.inputs)
    return trace_back(op.inputs[place], op.layer, maker_of, known_of(seen, given))


def place_of_argument(kind: str) -> int:
    """Which of an op's inputs it is that may be out of its domain."""
    return SINGULAR[kind][0] if kind in SINGULAR else 0


def type_of(op: EagerOp) -> str:
    return op.type.decode() if isinstance(op.type, bytes) else op.type
