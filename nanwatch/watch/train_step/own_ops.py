"""The ops that nanwatch adds to a step bear its name, and each may stand in some places alone."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from nanwatch.errors import NanwatchError
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Op
from nanwatch.watch.keras_seam.public_tensorflow import tf

SCOPE = "nanwatch"
# Inside it: copies of the script's own ops, and what TensorFlow chooses for replicas to agree. What these
# are is not nanwatch's choice, nor whether they may stand there: others like them do.
COPIED, AGREED = "copied", "agreed"
IN_SCOPE = re.compile(rf"(^|/){SCOPE}(_\d+)?/")
CHOSEN_BY_OTHERS = re.compile(rf"/({COPIED}|{AGREED})(_\d+)?/")
# How TensorFlow names the op that failed, and the calls around it.
NODES = re.compile(r"\{\{node ([^}]+)\}\}|^Detected at node (\S+) defined at|^\s*\[\[([\w./-]+)\]\]", re.M)


class Place(Enum):
    """Where a step is made."""

    GRAPH = "a graph"
    REPLICA = "the step of a replica"
    XLA = "what XLA compiles"


class OwnOps(NamedTuple):
    """Types of ops that nanwatch adds, and the places that are open to them."""

    types: tuple[str, ...]
    places: frozenset[Place]
    why: str


ANYWHERE = frozenset(Place)
OUTSIDE_XLA = frozenset({Place.GRAPH, Place.REPLICA})
TABLE = (
    OwnOps(
        (
            *("Add", "AddN", "AddV2", "All", "Any", "Cast", "ConcatV2", "Const", "Equal", "ExpandDims"),
            *("Floor", "FloorMod", "Greater", "GreaterEqual", "Identity", "IdentityN", "IsFinite", "L2Loss"),
            *("Less", "LogicalAnd", "LogicalNot", "LogicalOr", "Max", "Maximum", "Mean", "Min", "Minimum"),
            *("Mul", "NoOp", "Pack", "Placeholder", "Prod", "Range", "RealDiv", "Reshape", "SelectV2"),
            *("Shape", "Split", "SplitV", "Square", "StridedSlice", "Sub", "Sum", "Unpack"),
        ),
        ANYWHERE,
        "a number of numbers: every device has a kernel for it, and XLA",
    ),
    OwnOps(
        ("If", "StatelessIf"),
        ANYWHERE,
        "what a healthy step does not need; a replica's writes nothing that is the strategy's",
    ),
    OwnOps(("ReadVariableOp",), ANYWHERE, "a replica reads its own part, and XLA what it is handed"),
    OwnOps(
        ("AssignVariableOp", "AssignAddVariableOp"),
        ANYWHERE,
        "by XLA where the variable's shape is known, as `can_stand` asks",
    ),
    OwnOps(("DenseBincount",), OUTSIDE_XLA, "counts the labels, whose number XLA may not know"),
    OwnOps(("PyFunc",), OUTSIDE_XLA, "calls the host, which nothing can that XLA has compiled"),
    OwnOps(
        ("ResourceScatterUpdate",),
        frozenset({Place.GRAPH}),
        "the ring lies on one device, where a replica on another does not reach it",
    ),
)
PLACES = {kind: row.places for row in TABLE for kind in row.types}


class OpOutOfPlace(NanwatchError):
    """An op of nanwatch's stands where it would fail when it is run."""


def own_ops() -> contextlib.AbstractContextManager[object]:
    """What is added to the traced step in this block is nanwatch's; an eager op has no name."""
    return contextlib.nullcontext() if tf.executing_eagerly() else tf.name_scope(SCOPE)


def is_own(name: str) -> bool:
    """Whether the op of this name is one that nanwatch added."""
    return IN_SCOPE.search(name) is not None


def find_out_of_place(graph: Graph, is_replica: bool, listed_alone: bool = False) -> str | None:
    """Of the ops that nanwatch added to ``graph`` and to what is called there, one that cannot stand where
    it does, in words; None where all can. With ``listed_alone`` one that the table does not list cannot."""
    for called in tensorflow_names.graphs_in(graph):
        place = Place.XLA if called.jit else Place.REPLICA if is_replica else Place.GRAPH
        for op in own_ops_of(called.graph):
            if not (can_stand(op, place) if listed_alone or op.type in PLACES else place is not Place.XLA):
                return f"{op.type} ({op.name}) cannot stand in {place.value}"
    return None


def own_ops_of(graph: Graph) -> Iterator[Op]:
    for op in graph.get_operations():
        if is_own(op.name) and not CHOSEN_BY_OTHERS.search(op.name):
            yield op


def can_stand(op: Op, place: Place) -> bool:
    if place not in PLACES.get(op.type, ()):
        return False
    assigns = place is Place.XLA and op.type.startswith("Assign")
    return not assigns or tensorflow_names.is_shape_known(op.inputs[0])


def failed_nodes(error: tf.errors.OpError) -> list[str]:
    """The names of the ops in which a step failed, as far as the error tells them."""
    found = [name for match in NODES.findall(error.message or "") for name in match if name]
    return list(dict.fromkeys(found))
