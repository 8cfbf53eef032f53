"""The definition of a graph in which one op is another one, or is given another argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nanwatch.replay.op_mends import Mend
from nanwatch.watch.keras_seam import held_functions, tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Op, Tensor

GRADIENTS = ("gradient_tape/", "gradients/")  # the name scopes in which gradients are computed
PUT_BY = ("TensorListPushBack", "OptionalFromValue")
OUTPUTS = {"SelectV2": "output", "Const": "output"}  # how a function's definition calls them; else z


@dataclass
class NewNodes:
    """Nodes that are made for one definition, of the dtype of the op whose argument they make."""

    dtype: int  # TensorFlow's number of it
    in_function: bool
    made: list[Any] = field(default_factory=list)

    def node(self, kind: str, *inputs: str) -> str:
        """A new node, by the name of its output."""
        node = tf.compat.v1.NodeDef(name=tensorflow_names.unique_name("nanwatch_mend"), op=kind, input=inputs)
        node.attr["T"].type = self.dtype
        if kind == "Equal":
            node.attr["incompatible_shape_error"].b = True
        return self.add(node)

    def constant(self, value: float) -> str:
        dtype = tf.dtypes.as_dtype(self.dtype)
        scalar = tf.constant(np.asarray(value, np.float64), tf.float64)
        name = tensorflow_names.unique_name("nanwatch_mend")
        return self.add(held_functions.constant_node(name, tf.cast(scalar, dtype)))

    def add(self, node: Any) -> str:
        self.made.append(node)
        return f"{node.name}:{OUTPUTS.get(node.op, 'z')}:0" if self.in_function else node.name


@dataclass
class OpChange:
    """``op`` with another argument, or as another op; its gradient's ops see the same."""

    op: Op
    mend: Mend
    made: int = 0  # changes of definitions

    def put_into(self, graph: Graph) -> tensorflow_names.PutIn:
        """What `GraphRun` of ``graph`` puts into the definition that it runs."""
        names = set(functions_of(graph, self.op.graph))

        def put_in(definition: Any, nodes: Sequence[Any], of: Graph, known: Mapping[str, Tensor]) -> None:
            held_functions.put_in(definition, nodes, of, known)
            if graph is self.op.graph:
                self.change(definition.node, {op.name for op in alike(self.op)}, None)
            for function in definition.library.function:
                name = function.signature.name
                if name in names or any(name.startswith(f"held_{each}_") for each in names):
                    self.change(function.node_def, self.names_in(definition, names), function)
            rename_functions(definition)

        return put_in

    def names_in(self, definition: Any, names: set[str]) -> set[str]:
        """What the op, and those like it, are called in the definitions of their function."""
        bodies = [each for each in definition.library.function if each.signature.name in names]
        own = tensorflow_names.body_of(self.op.graph)
        pairs = [pair for body in bodies for pair in zip(body.node_def, own, strict=False)]
        wanted = {op.name for op in alike(self.op)}
        return {node.name for node, op in pairs if op.name in wanted} or wanted

    def change(self, nodes: Any, names: set[str], function: Any) -> None:
        changed = [each for each in nodes if each.name in names and each.op == self.op.type]
        if not changed:
            return
        self.made += 1
        argument = self.mend.argument
        if argument is None:
            for node in changed:
                node.op = self.mend.turned_into
            return
        made = NewNodes(changed[0].attr["T"].type, function is not None)
        taken = [source for node in changed for source in self.arguments_of(node)]
        new = {each: argument(made, each) for each in dict.fromkeys(taken)}
        own = {node.name for node in changed}
        for user in [each for each in nodes if each.name in own or takes_for_gradient(each)]:
            inputs = [new.get(each, each) for each in user.input]
            del user.input[:]
            user.input.extend(inputs)
        nodes.extend(made.made)
        for output, source in list(function.ret.items()) if function is not None else ():
            function.ret[output] = new.get(source, source)

    def arguments_of(self, node: Any) -> list[str]:
        place = self.mend.place
        return list(node.input) if place is None else [node.input[place]]


def alike(op: Op) -> list[Op]:
    """``op``, and those of its type that the same line made in the same way, as in a loop of Python's."""
    made_at = lines_of(op)
    others = [each for each in op.graph.get_operations() if each.type == op.type and made_at]
    return [op, *(each for each in others if each is not op and lines_of(each) == made_at)]


def lines_of(op: Op) -> list[tuple[str, int]]:
    return [(frame.filename, frame.lineno) for frame in op.traceback or ()]


def takes_for_gradient(node: Any) -> bool:
    """Whether it computes gradients, or puts by what those of a loop or a branch take."""
    return bool(node.op in PUT_BY or node.name.startswith(GRADIENTS))


def rename_functions(definition: Any) -> None:
    """Give each function a new name: by the old one TensorFlow knows that of the graph that ran."""
    new = {
        each.signature.name: tensorflow_names.unique_name(each.signature.name)
        for each in definition.library.function
    }
    for function in definition.library.function:
        function.signature.name = new[function.signature.name]
    bodies = [definition.node, *(function.node_def for function in definition.library.function)]
    for node in (node for body in bodies for node in body):
        for value in node.attr.values():
            one = [value.func] if value.HasField("func") else []
            for called in value.list.func if value.HasField("list") else one:
                called.name = new.get(called.name, called.name)
    for gradient in definition.library.gradient:
        gradient.function_name = new.get(gradient.function_name, gradient.function_name)
        gradient.gradient_func = new.get(gradient.gradient_func, gradient.gradient_func)


def functions_of(graph: Graph, wanted: Graph) -> Iterator[str]:
    """The names of the functions that ``graph`` comes to call and whose graph is ``wanted``."""
    waiting, known = [graph], {id(graph)}
    while waiting:
        here = waiting.pop()
        for op in here.get_operations():
            for attribute, called in tensorflow_names.called_graphs(op).items():
                if called is wanted:
                    yield tensorflow_names.function_called(op, attribute)
                if id(called) not in known:
                    known.add(id(called))
                    waiting.append(called)
