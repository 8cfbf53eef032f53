"""All that is asked of TensorFlow beyond its public names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from nanwatch.watch.keras_seam.keras_types import Graph, R, Tensor

OpCallback = Callable[..., None]  # of (op_type, inputs, attrs, outputs, op_name, graph)


def traced_graph() -> Graph | None:
    """The graph being traced, or None in eager execution."""
    if tf.executing_eagerly():
        return None
    found: Graph = tf.compat.v1.get_default_graph()
    return found


def is_outermost(graph: Graph | None) -> bool:
    """Whether ``graph`` is that of a function that is called eagerly: neither of one that another function
    calls, nor of the body of a loop."""
    outer = getattr(graph, "outer_graph", None)
    return graph is not None and not hasattr(outer, "outer_graph")


def captured_inside(graph: Graph) -> Mapping[int, Tensor]:
    """By the id of a tensor outside a function, what stands for it inside; ``graph`` is the function's."""
    return {id(outside): inside for outside, inside in graph.captures}


def arguments_of(graph: Graph) -> list[Tensor]:
    """The tensors that the function that ``graph`` is of was given, those that it captured among them."""
    return list(graph.inputs)


def import_ops(graph: Graph, names: Sequence[str], given: Mapping[str, Tensor]) -> Sequence[Any]:
    """The ops or tensors ``names`` of ``graph``, made again in the graph traced now with all that they need.

    ``given``: what stands for tensors of ``graph``, by their names. What is not needed is not made.
    """
    here = traced_graph()
    assert here is not None
    needed: set[str] = set()
    used: dict[str, Tensor] = {}
    ahead = {name.partition(":")[0] for name in names}
    for op in reversed(graph.get_operations()):
        if op.name in ahead:
            needed.add(op.name)
            known = {tensor.name: given[tensor.name] for tensor in op.inputs if tensor.name in given}
            used |= known
            ahead |= {tensor.op.name for tensor in op.inputs if tensor.name not in known}
            ahead |= {before.name for before in op.control_inputs}
    definition = graph.as_graph_def()
    nodes = [node for node in definition.node if node.name in needed]
    del definition.node[:]
    definition.node.extend(nodes)
    inputs = {name: here.capture(tensor) for name, tensor in used.items()}
    made: Sequence[Any] = tf.graph_util.import_graph_def(
        definition, inputs, list(names), name="nanwatch/copied"
    )
    return made


def is_shape_known(handle: Tensor) -> bool:
    """Whether the variable that is named by ``handle`` has a shape that is known while it is traced."""
    from tensorflow.python.ops import handle_data_util

    data = handle_data_util.get_handle_data(handle)
    return data is not None and all(
        tf.TensorShape(item.shape).is_fully_defined() for item in data.shape_and_type
    )


def handle_of(variable: Any) -> Tensor:
    """The scalar that names a variable to TensorFlow; under ``tf.distribute`` this replica's."""
    found: Tensor = (variable.value if isinstance(variable, keras.Variable) else variable).handle
    return found


def make_variable(value: Any, name: str, shape: tf.TensorShape | None = None) -> tf.Variable:
    """A variable of nanwatch's own, eager wherever it is made; ``value`` is its first one, of its dtype.

    A ``tf.function`` takes a ``tf.Variable`` that is made while it is traced for one of its own: it is
    then traced a second time, and raises if it was called before. The class behind it is not taken so.
    Under a strategy of ``tf.distribute`` each replica needs its part, which only ``tf.Variable`` gives.
    """
    with tf.init_scope():
        if tf.distribute.has_strategy():
            return tf.Variable(value, trainable=False, name=name, shape=shape)
    return make_part(value, name, shape)


def make_holder(like: Tensor) -> tf.Variable:
    """An empty variable of nanwatch's own for tensors like this one, of any shape, where it is; under
    ``tf.distribute`` for one replica alone, on its device."""
    device = device_of_replica() or like.device or None
    with tf.init_scope(), tf.device(device):
        nothing = tf.zeros([0] * (like.shape.rank or 0), like.dtype)
        return make_part(nothing, "nanwatch_kept", tf.TensorShape(None))


def device_of_replica() -> str | None:
    """Where the replica is that is traced now; None where none is."""
    if not tf.distribute.has_strategy() or tf.distribute.get_replica_context() is None:
        return None
    return tf.constant(0).device or None


def make_part(value: Any, name: str, shape: tf.TensorShape | None = None) -> tf.Variable:
    """As `make_variable`, but of the device alone that it is made on, under a strategy too."""
    from tensorflow.python.ops import resource_variable_ops

    device = device_of_replica()
    with tf.init_scope(), tf.device(device) if device else contextlib.nullcontext():
        return resource_variable_ops.ResourceVariable(value, trainable=False, name=name, shape=shape)


def empty(holder: tf.Variable) -> None:
    """On the host: let go of what a holder holds."""
    with tf.init_scope():
        holder.assign(tf.zeros([0], holder.dtype))


def trace_again() -> None:
    """Have the ``tf.function`` that is being traced traced once more, as one that makes variables is."""
    if not tf.executing_eagerly():
        with tf.init_scope():
            tf.Variable(0, trainable=False, name="nanwatch_again")


class CalledGraph(NamedTuple):
    """The graph of a function that another calls, and whether XLA compiles it."""

    graph: Graph
    jit: bool


def graphs_in(graph: Any) -> list[CalledGraph]:
    """``graph``, and those of all functions that are called in it, the branches of its conds among them."""
    called = dict(graph._functions)
    compiled: set[str] = set()
    for name, function in called.items():
        if "_XlaMustCompile" in function.attributes and function.attributes["_XlaMustCompile"].b:
            compiled |= {name, *function.graph._functions}
    inner = [CalledGraph(each.graph, name in compiled) for name, each in called.items() if each.graph]
    return [CalledGraph(graph, False), *inner]


# -- functions ---------------------------------------------------------------------------------------


def function_class() -> Any:
    """The class of what ``tf.function`` makes."""
    return type(tf.function(lambda: None))


def is_traced_for_xla(frame: FrameType | None) -> bool:
    """Whether what runs in ``frame`` is traced for a ``tf.function`` of XLA's, be it an outer one."""
    cls = function_class()
    while frame is not None:
        if frame.f_code.co_filename.endswith("polymorphic_function.py"):
            function = frame.f_locals.get("self")
            if isinstance(function, cls) and function._jit_compile:
                return True
        frame = frame.f_back
    return False


def copy_of_function(function: Any) -> Callable[..., Any]:
    """A ``tf.function`` of the same Python and the same options that has not been traced yet."""
    copy: Callable[..., Any] = function._clone(None)
    return copy


@contextlib.contextmanager
def run_functions_eagerly() -> Iterator[None]:
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def keep_whole(result: R) -> R:
    """``result`` of a ``tf.cond`` whose untaken branch shall cost nothing.

    TensorFlow spreads a cond over the graph by default: every input passes a switch and every op of
    the branch not taken is visited as a dead one. Left whole it is one op that calls one function.
    """
    op = getattr(result, "op", None) if not tf.executing_eagerly() else None
    for _ in range(3):
        if op is None:
            return result
        if op.type in ("If", "StatelessIf"):
            op._set_attr("_lower_using_switch_merge", tf.compat.v1.AttrValue(b=False))
            return result
        op = op.inputs[0].op if op.inputs else None
    return result


# -- eager ops ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def op_callback(callback: OpCallback) -> Iterator[None]:
    """Call ``callback(op_type, inputs, attrs, outputs, op_name, graph)`` for every eager op."""
    from tensorflow.python.framework import op_callbacks

    op_callbacks.add_op_callback(callback)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(callback)


@dataclass(frozen=True)
class ForwardOp:
    """The op whose gradient is being computed: its type and its tensors."""

    type: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def forward_op(frame: FrameType) -> ForwardOp | None:
    """What the gradient function of an eager tape, if it runs in ``frame``, is the gradient of."""
    if frame.f_code.co_name != "_gradient_function":
        return None
    held = frame.f_locals
    name = held.get("op_name")
    kind = name.decode() if isinstance(name, bytes) else str(name)
    return ForwardOp(kind, tuple(held.get("inputs") or ()), tuple(held.get("outputs") or ()))


# -- tracebacks --------------------------------------------------------------------------------------


def tracebacks() -> ModuleType:
    """The module whose ``_EXCLUDED_PATHS`` TensorFlow leaves out of the tracebacks of errors."""
    from tensorflow.python.util import traceback_utils

    found: ModuleType = traceback_utils
    return found


@contextlib.contextmanager
def filter_frames(filenames: frozenset[str]) -> Iterator[None]:
    """Leave the frames of these files out of what TensorFlow notes of an op's making, in this thread."""
    from tensorflow.python.util import tf_stack

    class Filter(tf_stack.StackTraceFilter):  # type: ignore[misc]
        names = filenames

        def get_filtered_filenames(self) -> frozenset[str]:
            above = self.parent.get_filtered_filenames() if self.parent is not None else frozenset()
            return frozenset(self.names | above)

    found = Filter().__enter__()
    stack = found._stack_dict[found._thread_key]
    try:
        yield
    finally:
        found.names = frozenset()
        for inner in stack[stack.index(found) + 1 :]:
            inner.parent = found.parent if inner.parent is found else inner.parent
            inner.update()
        stack.remove(found)
