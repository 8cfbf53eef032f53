"""Gradients that TensorFlow registers while it traces a function, held by that function's graph alone.

A ``tf.custom_gradient`` that is called in a function is registered under a name of its own, for good, and
what is registered holds the graph: no function with one in it is ever freed, and every train function of
Keras's is such a one. A graph that is watched is larger. So the register is given what holds it weakly.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph

COLLECTION = "nanwatch_gradients"
Gradient = Callable[..., Any]


def register_for_graph(
    original: Callable[[Any, Gradient], Gradient], registration: Any, gradient: Gradient
) -> Gradient:
    """In the place of ``tf.RegisterGradient("name")(gradient)``: what eager code registers stays for good."""
    graphs = list(functions_around(tensorflow_names.traced_graph()))
    if not graphs:
        return original(registration, gradient)
    for graph in graphs:
        graph.get_collection_ref(COLLECTION).append(gradient)
    found = weakref.ref(gradient)

    def call(*args: Any, **kwargs: Any) -> Any:
        registered = found()
        if registered is None:
            raise LookupError("The graph that this gradient was registered for is gone")
        return registered(*args, **kwargs)

    original(registration, call)
    return gradient


def functions_around(graph: Graph | None) -> Iterator[Graph]:
    """The graphs of functions from this one outwards: that of a loop's body is made anew for its gradient."""
    while graph is not None and hasattr(graph, "outer_graph"):
        yield graph
        graph = graph.outer_graph
