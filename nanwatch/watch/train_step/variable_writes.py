"""Which variables a traced step assigns to by itself, past the guard of its optimizers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Op
from nanwatch.watch.train_step.conditional_update import KeptValue

WRITING = ("Assign", "ResourceScatter", "ResourceStridedSliceAssign", "ResourceApply")


def is_write(op: Op) -> bool:
    return op.type.startswith(WRITING)


@contextlib.contextmanager
def note_ops(places: list[range]) -> Iterator[None]:
    """Note which ops of the graph this block makes."""
    graph = tensorflow_names.traced_graph()
    first = 0 if graph is None else len(graph.get_operations())
    yield
    if graph is not None:
        places.append(range(first, len(graph.get_operations())))


def find_written(
    graph: Graph | None, left_out: Sequence[range], variables: Mapping[int, KeptValue]
) -> set[int] | None:
    """The keys of those ``variables`` that an op of ``graph`` assigns to, outside the places ``left_out``.

    None in eager execution.
    """
    if graph is None:
        return None
    places = {place for each in left_out for place in each}
    handles = set()
    for place, op in enumerate(graph.get_operations()):
        if place not in places and is_write(op):
            handles.add(id(op.inputs[0]))
    inside = tensorflow_names.captured_inside(graph)
    return {
        key
        for key, (variable, _) in variables.items()
        if id(inside.get(id(tensorflow_names.handle_of(variable)))) in handles
    }
