"""Where in a traced graph what stands: the ops of a layer's call, of a loss, and of a gradient.

It is noted while the graph is traced, and kept with it. An op's line is in its own traceback.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nanwatch.record.facts import Location
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Operation, Tensor
from nanwatch.watch.launch import user_lines

COLLECTION = "nanwatch_places"
CatchErrors = Callable[[str], contextlib.AbstractContextManager[None]]


class CalledPlace(NamedTuple):
    """The ops of one call of a layer, or of an operation of a functional graph."""

    ops: range
    called: weakref.ref[Operation]
    made_at: Location | None  # the line that made it


class GradientPlace(NamedTuple):
    """The ops of the gradient of one op, which is told by what went into it and came out of it."""

    ops: range
    type: str
    inputs: Sequence[Tensor | None]
    outputs: Sequence[Tensor | None]
    scope: str


@dataclass
class GraphPlaces:
    """What is known of the ops of one graph. Places are indices into ``get_operations()``."""

    graph: weakref.ref[Graph]
    called: list[CalledPlace] = field(default_factory=list)  # inner calls before outer ones
    models: list[CalledPlace] = field(default_factory=list)  # the calls of whole models
    losses: list[range] = field(default_factory=list)
    gradients: list[GradientPlace] = field(default_factory=list)
    targets: list[Tensor] = field(default_factory=list)  # what tapes were asked to differentiate

    def called_at(self, place: int) -> CalledPlace | None:
        """The innermost call that made the op at ``place``."""
        return next((each for each in self.called if place in each.ops), None)

    def gradient_at(self, place: int) -> GradientPlace | None:
        return next((each for each in self.gradients if place in each.ops), None)

    def is_in_loss(self, place: int) -> bool:
        return any(place in each for each in self.losses)


def places_of(graph: Graph) -> GraphPlaces:
    """What is noted of ``graph``, to read or to add to. A graph inside another begins with that one's."""
    held = graph.get_collection_ref(COLLECTION)
    if not held or held[0].graph() is not graph:
        held[:] = [GraphPlaces(weakref.ref(graph))]
    found: GraphPlaces = held[0]
    return found


class Beginning(NamedTuple):
    """A graph as it is when something begins whose ops are to be noted."""

    graph: Graph
    place: int  # of the next op


def begin() -> Beginning | None:
    """None in eager execution, where there is nothing to note."""
    graph = tensorflow_names.traced_graph()
    return None if graph is None else Beginning(graph, graph.version)


def note_called(called: Operation, since: Beginning | None) -> None:
    """The ops made ``since`` are those of ``called``."""
    if since is not None:
        ops = range(since.place, since.graph.version)
        place = CalledPlace(ops, weakref.ref(called), user_lines.line_of(called))
        places_of(since.graph).called.append(place)


def note_model(model: Operation, since: Beginning | None) -> None:
    """The ops made ``since`` are those of a call of ``model``, its layers' among them."""
    if since is not None:
        ops = range(since.place, since.graph.version)
        places_of(since.graph).models.append(CalledPlace(ops, weakref.ref(model), None))


def note_loss(since: Beginning | None) -> None:
    """The ops made ``since`` are a loss's."""
    if since is not None:
        places_of(since.graph).losses.append(range(since.place, since.graph.version))


def note_gradients(catch_errors: CatchErrors) -> contextlib.AbstractContextManager[object]:
    """The gradients that a tape computes in this block are noted, op by op."""
    if tensorflow_names.traced_graph() is None:
        return contextlib.nullcontext()
    return tensorflow_names.watch_gradient_functions(functools.partial(note_gradient, catch_errors))


@contextlib.contextmanager
def note_gradient(
    catch_errors: CatchErrors,
    kind: str,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor | None],
    scope: str,
) -> Iterator[None]:
    since = begin()
    yield
    with catch_errors("noting the ops of a gradient"):
        if since is not None and since.graph.version > since.place:
            ops = range(since.place, since.graph.version)
            places_of(since.graph).gradients.append(GradientPlace(ops, kind, inputs, outputs, scope))
