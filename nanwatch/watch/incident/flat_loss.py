"""Parts of a loss of the script's own that have no slope by what they are: a metric, an argmax."""

from __future__ import annotations

from nanwatch.record.facts import FlatPart
from nanwatch.watch.incident.op_places import line_of
from nanwatch.watch.keras_seam.keras_types import Graph
from nanwatch.watch.train_step.graph_places import places_of

PEAKS = frozenset(("ArgMax", "ArgMin"))


def flat_parts(graph: Graph | None) -> tuple[FlatPart, ...]:
    """Those of the losses of ``graph``, each line once. A metric assigns to its variables.

    What Keras itself does in a loss stands on no line of the script.
    """
    if graph is None:
        return ()
    ops, losses = graph.get_operations(), places_of(graph).losses
    found: dict[FlatPart, None] = {}
    for place in (place for span in losses for place in span if place < len(ops)):
        op = ops[place]
        if op.type not in PEAKS and not op.type.startswith("Assign"):
            continue
        location = line_of(op, None)
        if location is not None:
            found[FlatPart("argmax" if op.type in PEAKS else "metric", location)] = None
    return tuple(found)
