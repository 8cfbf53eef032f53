"""What a step compares with its data in a loss, whoever calls whom: ``self(x)``, ``self.net(x)``, networks.

Where something that a Keras layer gave out meets something that came with the batch on the way to the loss,
and no layer is in between, that is an output of what is trained, and the other its label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nanwatch.record.facts import Location
from nanwatch.watch.data.batch import Leaves
from nanwatch.watch.data.broadcasts import line_of
from nanwatch.watch.keras_seam.keras_types import Layer, Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.graph_places import places_of
from nanwatch.watch.train_step.traced_step import TracedStep

SHAPES = frozenset(("Shape", "ShapeN", "Size", "Rank", "OnesLike", "ZerosLike"))  # not of a tensor's numbers
SOURCES = frozenset(("Placeholder", "IteratorGetNext"))
MOST_OPS = 20_000  # that are looked at


@dataclass(frozen=True)
class Origin:
    """Where a tensor of a loss comes from."""

    layers: frozenset[int] = frozenset()  # ids of the tensors that layers gave out, the last of them
    data: frozenset[int] = frozenset()  # ids of the tensors that came with the batch


NOWHERE = Origin()


def find_outputs(seen: TracedStep, labels: Leaves) -> list[tuple[str, Tensor]]:
    """(key, tensor) of each output that ``seen`` compares with data: its label's key, or its layer's name."""
    total = seen.loss if seen.loss is not None else seen.target
    if total is None or seen.graph is None or total.graph is not seen.graph:
        return []
    walk = LossWalk(seen)
    met = walk.compared(total)
    keys = {id(tensor): key for key, tensor in labels}
    found: list[tuple[str, Tensor]] = []
    for place, data in met.items():
        tensor, layer = walk.given_out[place]
        key = next((keys[one] for one in data if one in keys), layer.name)
        if key not in dict(found):
            found.append((key, tensor))
    return found


@dataclass
class LossWalk:
    """From a loss back to the layers and the data."""

    seen: TracedStep
    given_out: dict[int, tuple[Tensor, Layer]] = field(default_factory=dict)
    known: dict[int, Origin] = field(default_factory=dict)
    backward: set[str] = field(default_factory=set)  # names of the ops of gradients

    def __post_init__(self) -> None:
        for layer, _, outputs in self.seen.calls:
            for tensor in outputs:
                self.given_out.setdefault(id(tensor), (tensor, layer))
        graph = self.seen.graph
        if graph is not None:
            ops = graph.get_operations()
            self.backward = {ops[one].name for each in places_of(graph).gradients for one in each.ops}

    def compared(self, total: Tensor) -> dict[int, frozenset[int]]:
        """By the id of what a layer gave out: ids of the data that it meets on the way to ``total``."""
        found: dict[int, frozenset[int]] = {}
        for op in self.ops_before(total):
            origins = [self.known.get(id(tensor), NOWHERE) for tensor in op.inputs]
            data = [
                origin.data
                for origin, tensor in zip(origins, op.inputs, strict=True)
                if origin.data and not origin.layers and tensor.shape.rank != 0
            ]
            if data:
                for origin in origins:
                    for place in origin.layers:
                        found[place] = found.get(place, frozenset()).union(*data)
        return found

    def ops_before(self, total: Tensor) -> list[Op]:
        """The ops between the layers and ``total``, in an order in which they can run; all `known` then."""
        order: list[Op] = []
        waiting: list[tuple[Tensor, bool]] = [(total, False)]
        while waiting and len(self.known) < MOST_OPS:
            tensor, is_ready = waiting.pop()
            if is_ready:
                op = tensor.op
                order.append(op)
                self.known[id(tensor)] = join([self.known.get(id(one), NOWHERE) for one in op.inputs])
            elif id(tensor) not in self.known:
                self.known[id(tensor)] = self.at_its_end(tensor)
                if self.known[id(tensor)] is NOWHERE and not self.is_barrier(tensor.op):
                    waiting.append((tensor, True))
                    waiting += [(one, False) for one in tensor.op.inputs]
        return order

    def at_its_end(self, tensor: Tensor) -> Origin:
        """Of a tensor behind which the walk does not go: what it is."""
        if id(tensor) in self.given_out:
            return Origin(layers=frozenset([id(tensor)]))
        if tensor.op.type in SOURCES and tensor.dtype not in (tf.resource, tf.variant):
            return Origin(data=frozenset([id(tensor)]))
        return NOWHERE

    def is_barrier(self, op: Op) -> bool:
        return op.type in SHAPES or op.name in self.backward or op.type in SOURCES


def loss_line_of(seen: TracedStep) -> Location | None:
    """The user's line of what a tape was asked to differentiate; None of eager steps."""
    return None if seen.target is None or seen.loss_graph is None else line_of(seen.target.op)


def join(origins: Sequence[Origin]) -> Origin:
    if not origins:
        return NOWHERE
    return Origin(
        frozenset().union(*(origin.layers for origin in origins)),
        frozenset().union(*(origin.data for origin in origins)),
    )
