"""What a loop's step reads of variables that its function may yet write to, behind the update.

The function is still being traced when the update is made, and what follows is not known: an average that
is moved, a temperature that is raised. What is small is held at the cost of a small copy where it is written.
"""

from __future__ import annotations

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Tensor
from nanwatch.watch.train_step.held_values import (
    READING,
    SMALL,
    ancestors,
    in_graph,
    losses_and_gradients,
)
from nanwatch.watch.train_step.traced_step import TracedStep


def reads_of_small(graph: Graph, seen: TracedStep) -> list[Tensor]:
    """Of small variables, but for those that the update itself is for: that is held back."""
    inside = tensorflow_names.captured_inside(graph)
    handles = [id(tensorflow_names.handle_of(variable)) for _, variable in seen.gradients]
    updated = {inside[handle].name for handle in handles if handle in inside}
    begin = in_graph(graph, losses_and_gradients(seen))
    reads = [op for op in ancestors(begin, lambda op: op.type in READING) if op.type in READING]
    return [op.outputs[0] for op in reads if op.inputs[0].name not in updated and is_small(op.outputs[0])]


def is_small(tensor: Tensor) -> bool:
    size = tensor.shape.num_elements()
    return size is not None and size <= SMALL
