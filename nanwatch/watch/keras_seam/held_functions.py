"""Functions that a traced step calls: what they draw comes out to the step, and goes in again when it is
run once more."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf


class Inside(NamedTuple):
    """A tensor of a graph that is called."""

    attribute: str  # that names the function
    name: str


# By the graph and the op that calls: what has come out, by the tensor that it is inside; names alone.
COME_OUT: weakref.WeakKeyDictionary[Graph, dict[str, dict[Inside, str]]] = weakref.WeakKeyDictionary()


def bring_out(op: Op, wanted: Mapping[str, Sequence[Tensor]]) -> list[Tensor]:
    """``wanted``, tensors in the graphs that ``op`` calls, as further outputs of it.

    Nothing else about it is changed, and nobody has to take them.
    """
    known = COME_OUT.setdefault(op.graph, {}).setdefault(op.name, {})
    new = {
        attribute: [tensor for tensor in tensors if Inside(attribute, tensor.name) not in known]
        for attribute, tensors in wanted.items()
    }
    if any(new.values()):
        made = tensorflow_names.add_outputs(op, new)
        inside = [Inside(attribute, tensor.name) for attribute in new for tensor in new[attribute]]
        known.update(zip(inside, (tensor.name for tensor in made), strict=True))
    names = [known[Inside(attribute, each.name)] for attribute in wanted for each in wanted[attribute]]
    return [tensorflow_names.tensor_named(op.graph, name) for name in names]


def inside_of(op: Op, name: str) -> tuple[Graph, str] | None:
    """Of what was brought out of ``op`` under this name: the graph that it is in, and its name in there."""
    found = COME_OUT.get(op.graph, {}).get(op.name, {})
    inside = next((inside for inside, outside in found.items() if outside == name), None)
    return inside and (tensorflow_names.called_graphs(op)[inside.attribute], inside.name)


def held_inside(op: Op, known: Mapping[str, Tensor], attribute: str) -> dict[str, Tensor]:
    """Of what is ``known`` in the graph of ``op`` that which came out of it, by its names in there."""
    found = COME_OUT.get(op.graph, {}).get(op.name, {})
    return {
        inside.name: known[name]
        for inside, name in found.items()
        if inside.attribute == attribute and name in known
    }


def put_in(definition: Any, nodes: Sequence[Any], graph: Graph, known: Mapping[str, Tensor]) -> None:
    """Have the functions that ``nodes`` of ``graph`` call take what is ``known`` of them, and not draw again.

    The functions are added to the library of ``definition``.
    """
    put_into(
        definition, [(node, tensorflow_names.op_named(graph, node.name)) for node in nodes], graph, known
    )


def put_into(
    definition: Any, nodes: Sequence[tuple[Any, Op]], graph: Graph, known: Mapping[str, Tensor]
) -> None:
    calling = COME_OUT.get(graph, {})
    for node, op in nodes:
        if op.name not in calling:
            continue
        for attribute, called in tensorflow_names.called_graphs(op).items():
            held = held_inside(op, known, attribute)
            if held:
                function = node.attr[attribute].func
                function.name = add_function(definition, function.name, called, held)


def add_function(definition: Any, name: str, graph: Graph, held: Mapping[str, Tensor]) -> str:
    """The name of a new function, as the one of ``name`` whose graph this is, with constants for ``held``."""
    made = definition.library.function.add()
    made.CopyFrom(next(each for each in definition.library.function if each.signature.name == name))
    made.signature.name = tensorflow_names.unique_name(f"held_{name}")
    nodes = list(zip(made.node_def, tensorflow_names.body_of(graph), strict=False))
    put_into(definition, nodes, graph, held)
    known_as = {op.name: node.name for node, op in nodes}  # a name may be an output's already
    drawn = {each: tensorflow_names.op_named(graph, each.partition(":")[0]) for each in held}
    come_out = {name for names in COME_OUT.get(graph, {}).values() for name in names.values()}
    drawn = {each: op for each, op in drawn.items() if each not in come_out}
    names: dict[str, str] = {}
    constants = []
    for number, (tensor, op) in enumerate(drawn.items()):
        constant = f"nanwatch_held_{number}"
        names[output_name(op, known_as[op.name], int(tensor.partition(":")[2]))] = f"{constant}:output:0"
        constants.append(constant_node(constant, held[tensor]))
    needed = {each.partition(":")[0] for node in made.node_def for each in node.input if each not in names}
    gone = {known_as[op.name] for op in drawn.values()} - needed
    kept = [copied(node, names, gone) for node in made.node_def if node.name not in gone]
    del made.node_def[:]
    made.node_def.extend([*kept, *constants])
    for argument, source in list(made.ret.items()):
        made.ret[argument] = names.get(source, source)
    for output in [each for each, source in list(made.control_ret.items()) if source in gone]:
        del made.control_ret[output]
        made.signature.control_output.remove(output)
    made_name: str = made.signature.name
    return made_name


def copied(node: Any, names: Mapping[str, str], gone: set[str]) -> Any:
    """``node`` as it takes from other nodes."""
    found = type(node)()
    found.CopyFrom(node)
    inputs = [names.get(each, each) for each in node.input if each.removeprefix("^") not in gone]
    del found.input[:]
    found.input.extend(inputs)
    return found


def constant_node(name: str, value: Any) -> Any:
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = value.dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy(), value.dtype))
    return node


def output_name(op: Any, name: str, number: int) -> str:
    """How a function's definition calls an output of one of its ops, which it knows by ``name``."""
    names = [f"{name}:{argument}:{place}" for argument, size in sizes_of_outputs(op) for place in range(size)]
    return names[number]


def sizes_of_outputs(op: Any) -> Iterator[tuple[str, int]]:
    for argument in op.op_def.output_arg:
        if argument.number_attr:
            yield argument.name, int(op.get_attr(argument.number_attr))
        elif argument.type_list_attr:
            yield argument.name, len(op.get_attr(argument.type_list_attr))
        else:
            yield argument.name, 1
