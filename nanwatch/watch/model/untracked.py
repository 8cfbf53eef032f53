"""Variables that layers read and Keras does not know of, so that no optimizer is given them."""

from __future__ import annotations

import ast
import contextlib
import gc
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanwatch.record.facts import Location, UntrackedVariable
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.keras_types import Array, Graph, Layer, Model, Op, Structure
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.launch import user_lines
from nanwatch.watch.model.script_names import attributes_of, is_scripts
from nanwatch.watch.train_step.graph_places import places_of
from nanwatch.watch.train_step.traced_step import TracedStep

READS = frozenset(("ReadVariableOp", "ResourceGather", "ResourceGatherNd"))
MOST_VALUES = 1000  # of a variable that are kept, to see whether they change
DEPTH = 4  # a list of objects of lists of layers
MOST_HELD = 1000  # of a container that are looked at


@dataclass(frozen=True)
class Untracked:
    """A variable as TensorFlow has it, what is told of it, and what its values were when it was found."""

    variable: tf.Variable
    info: UntrackedVariable
    values: Array

    def has_moved(self) -> bool:
        """Somebody assigns to it, be it between the steps: an average, a schedule."""
        return not np.array_equal(self.values, some_values(self.variable), equal_nan=True)


def find_untracked(seen: TracedStep, model: Model) -> list[Untracked]:
    """What may be trained, is read in a call of ``model`` or of its layers, and is no variable of theirs.

    Not what is read elsewhere in the step: there stand teachers, and networks of a loss. Not what the step
    assigns to. None in an eager step.
    """
    graph = seen.graph
    if graph is None:
        return []
    known = {id(plain(variable)) for variable in seam().variables_of(model)}
    known |= {id(plain(gradient.variable)) for gradient in seen.gradients}
    for called in {place.called for place in places_of(graph).models}:  # other networks of the step
        known |= {id(plain(variable)) for variable in getattr(called(), "variables", ())}
    unknown = [each for each in graph.variables if id(each) not in known and may_be_trained(each)]
    users = users_of(graph, unknown)
    paths = {id(layer): path for path, layer in seam().layers_of(model)}
    found = []
    for variable in unknown:
        read = read_by(graph, variable, users.get(id(variable), []))
        if read is None or is_frozen(variable):
            continue
        op, layers = read
        with tf.init_scope():
            values = some_values(variable)
        found.append(Untracked(variable, info_of(variable, op, layers, paths), values))
    return found


def may_be_trained(variable: tf.Variable) -> bool:
    return bool(variable.trainable) and variable.dtype.is_floating and "nanwatch" not in variable.name


def plain(variable: Any) -> Any:
    """The variable of TensorFlow's behind one of Keras's."""
    return seam().tensorflow_variable(variable)


def some_values(variable: tf.Variable) -> Array:
    found: Array = np.array(variable.numpy().reshape(-1)[:MOST_VALUES])
    return found


def users_of(graph: Graph, variables: Sequence[tf.Variable]) -> dict[int, list[tuple[int, Op]]]:
    """By the id of a variable, the ops of ``graph`` that use it, with their places."""
    if not variables:
        return {}
    inside = tensorflow_names.captured_inside(graph)
    stands_for = {id(inside[id(each.handle)]): id(each) for each in variables if id(each.handle) in inside}
    found: dict[int, list[tuple[int, Op]]] = {}
    for place, op in enumerate(graph.get_operations()):
        for one in op.inputs:
            if id(one) in stands_for:
                found.setdefault(stands_for[id(one)], []).append((place, op))
    return found


def read_by(
    graph: Graph, variable: tf.Variable, users: Sequence[tuple[int, Op]]
) -> tuple[Op, Sequence[Layer]] | None:
    """The op that reads ``variable``, and the layers and models in whose calls it stands, innermost first.

    None where it stands in none, where one of them knows the variable, or where the graph assigns to it.
    """
    reads = [(place, op) for place, op in users if op.type in READS]
    if not reads or any("Assign" in op.type or "Scatter" in op.type for _, op in users):
        return None
    place, op = reads[0]
    places = places_of(graph)
    layers = [each.called() for each in (*places.called, *places.models) if place in each.ops]
    held: list[Any] = [layer for layer in layers if isinstance(layer, keras.layers.Layer)]
    if not held or any(knows(layer, variable) for layer in held):
        return None
    return op, held


def knows(layer: Layer, variable: tf.Variable) -> bool:
    return any(plain(each) is variable for each in layer.variables)


def is_frozen(variable: tf.Variable) -> bool:
    """Whether it is that of a variable of Keras's that is not to be trained: only that one knows it.

    Asked of very few variables: all objects are looked through.
    """
    cls = seam().variable_class()
    owners: Any = (thing for thing in gc.get_objects() if issubclass(type(thing), cls))
    return any(plain(each) is variable and not each.trainable for each in owners)


# -- where it comes from


def info_of(
    variable: tf.Variable, op: Op, layers: Sequence[Layer], paths: dict[int, str]
) -> UntrackedVariable:
    holder, name, line = next(holders(layers, variable), (layers[0], "", None))
    return UntrackedVariable(
        layer=paths.get(id(holder), ""),
        type=type(holder).__name__,
        attribute=name,
        shape=tuple(variable.shape.as_list()),
        location=line or line_of_op(op),
    )


def holders(layers: Sequence[Layer], variable: tf.Variable) -> Iterator[tuple[Layer, str, Location | None]]:
    """A layer that holds the variable, the attribute, and the line on which that gets its value.

    TensorFlow keeps lists of its own of what stands in attributes: of private ones there must be a line.
    """
    for layer in layers:
        for name, held in list(attributes_of(layer).items()):
            line = line_of_attribute(layer, name) if holds(held, variable, DEPTH) else None
            if line is not None or (not name.startswith("_") and holds(held, variable, DEPTH)):
                yield layer, name, line


def holds(thing: object, variable: tf.Variable, depth: int) -> bool:
    """Whether ``thing`` is the variable, or a layer, a container or an object of the script's with it."""
    if thing is variable or plain(thing) is variable:
        return True
    if depth == 0:
        return False
    if isinstance(thing, keras.layers.Layer):
        return knows(thing, variable)
    parts: Iterable[object] = ()
    if isinstance(thing, dict):
        parts = thing.values()
    elif isinstance(thing, list | tuple | set):
        parts = thing
    elif is_scripts(type(thing)):
        parts = attributes_of(thing).values()
    return any(holds(part, variable, depth - 1) for part in list(parts)[:MOST_HELD])


def line_of_attribute(holder: Layer, name: str) -> Location | None:
    """The line of the script's class on which ``self.NAME`` gets its value; None where it is not found."""
    for kind in type(holder).__mro__ if name else ():
        if not is_scripts(kind):
            continue
        with contextlib.suppress(OSError, TypeError, SyntaxError):
            lines, first = inspect.getsourcelines(kind)
            for node in ast.walk(ast.parse(textwrap.dedent("".join(lines)))):
                if isinstance(node, ast.Assign | ast.AnnAssign) and assigns(node, name):
                    return user_lines.line_at(inspect.getfile(kind), first + node.lineno - 1)
    return None


def assigns(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(one, ast.Attribute) and one.attr == name for one in targets)


def line_of_op(op: Op) -> Location | None:
    own = [frame for frame in op.traceback or () if user_lines.is_users(frame.filename)]
    return user_lines.line_at(own[-1].filename, own[-1].lineno) if own else None


# -- for a trial


def read_and_unknown(model: Any, x: Structure) -> list[tf.Variable]:
    """What may be trained and ``model`` reads for ``x``, but does not know."""
    with tf.GradientTape() as tape:
        model(x, training=True)
    known = {id(plain(variable)) for variable in seam().variables_of(model)}
    met = [each for each in tape.watched_variables() if id(each) not in known]
    return [each for each in met if may_be_trained(each) and not is_frozen(each)]
