"""All that is asked of TensorFlow beyond its public names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from nanwatch.watch.keras_seam.keras_types import Graph, R, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf

ATOMIC = "atomic_function.py"  # where a function that was traced is called
OpCallback = Callable[..., None]  # of (op_type, inputs, attrs, outputs, op_name, graph)
# Of values by the names of tensors; see `GraphPart`.
GraphProgram = Callable[[Mapping[str, Tensor]], tuple[Sequence[Tensor], Tensor]]
# Changes the definition of a part of a graph, of which these nodes are, as what is known of it wants it.
PutIn = Callable[[Any, Sequence[Any], Graph, Mapping[str, Tensor]], None]
# Of (op_type, inputs, outputs, name_scope) of the op whose gradient is computed.
GradientWatch = Callable[[str, Sequence[Any], Sequence[Any], str], contextlib.AbstractContextManager[None]]


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


def is_variant(tensor: Tensor) -> bool:
    """Whether ``tensor`` is no array: a list of tensors, say."""
    return bool(tensor.dtype == tf.variant)


def is_shape_known(handle: Tensor) -> bool:
    """Whether the variable that is named by ``handle`` has a shape that is known while it is traced."""
    from tensorflow.python.ops import handle_data_util

    data = handle_data_util.get_handle_data(handle)
    return data is not None and all(
        tf.TensorShape(item.shape).is_fully_defined() for item in data.shape_and_type
    )


def handle_of(variable: Any) -> Tensor:
    """The scalar that names a variable to TensorFlow; under ``tf.distribute`` this replica's."""
    found: Tensor = (variable if isinstance(variable, tf.Variable) else variable.value).handle
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


def has_parameter_servers(strategy: Any) -> bool:
    """Whether steps run in other processes, which call nothing in this one."""
    return isinstance(strategy, tf.distribute.ParameterServerStrategy)


class ReplicasHere(NamedTuple):
    """The replicas of a strategy that this process runs."""

    first: int  # the number of its first one, among those of all workers
    number: int
    are_all: bool  # no other process trains in step


def replicas_here(strategy: Any) -> ReplicasHere:
    extended = strategy.extended
    count = len(extended.worker_devices)
    are_all = not extended._in_multi_worker_mode() or count >= strategy.num_replicas_in_sync
    return ReplicasHere(int(extended._get_replica_id_in_sync_group(0)), count, are_all)


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
    # Those of TensorFlow 1's kind, such as the gradient of `ctc_loss`, are of another class, without a graph.
    called = {name: each for name, each in graph._functions.items() if hasattr(each, "attributes")}
    compiled: set[str] = set()
    for name, function in called.items():
        if "_XlaMustCompile" in function.attributes and function.attributes["_XlaMustCompile"].b:
            compiled |= {name, *function.graph._functions}
    inner = [CalledGraph(each.graph, name in compiled) for name, each in called.items() if each.graph]
    return [CalledGraph(graph, False), *inner]


def come_from(tensors: Sequence[Any], sources: Set[int]) -> bool:
    """Whether one of the graph's ``tensors`` is computed, within it, from one of these (by their ids)."""
    open_ = [tensor for tensor in tensors if not is_eager(tensor)]
    seen = set(map(id, open_))
    while open_:
        tensor = open_.pop()
        if id(tensor) in sources:
            return True
        new = [one for one in getattr(tensor.op, "inputs", ()) if id(one) not in seen]
        seen.update(map(id, new))
        open_ += new
    return False


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


# -- graphs that were traced ------------------------------------------------------------------------

# The attributes in which an op names the functions that it calls.
CALLS: Mapping[str, tuple[str, ...]] = {
    "PartitionedCall": ("f",),
    "StatefulPartitionedCall": ("f",),
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
    "While": ("body", "cond"),
    "StatelessWhile": ("body", "cond"),
}


def called_graphs(op: Any) -> dict[str, Graph]:
    """The graphs of the functions that ``op`` calls, by the attributes that name them."""
    found = {}
    for name in CALLS.get(op.type, ()):
        function = op.graph._get_function(op.get_attr(name).name)
        graph = getattr(function, "graph", None)  # one of TensorFlow 1 has none
        if graph is not None:
            found[name] = graph
    return found


def function_called(op: Any, attribute: str) -> str:
    """The name of the function that ``attribute`` of ``op`` names."""
    name: str = op.get_attr(attribute).name
    return name


def unique_name(name: str) -> str:
    from tensorflow.python.framework import ops

    return f"{name}_{ops.uid()}"


def is_compiled_inside(op: Any) -> bool:
    """Whether XLA compiles the function that ``op`` calls."""
    found = False
    for name in CALLS.get(op.type, ()):
        function = op.graph._get_function(op.get_attr(name).name)
        attributes = getattr(function, "attributes", {})
        found |= "_XlaMustCompile" in attributes and attributes["_XlaMustCompile"].b
    return found


def add_outputs(op: Any, wanted: Mapping[str, Sequence[Tensor]]) -> list[Tensor]:
    """Have ``op``, which calls functions, give tensors of their graphs, too; ``wanted`` by the attributes
    that name the functions. Of a branch that is not taken nothing comes.

    This is how TensorFlow has a cond give what its gradient needs, after it was made.
    """
    from tensorflow.python.eager.polymorphic_function import atomic_function, attributes

    number, flat = len(op.outputs), [tensor for tensors in wanted.values() for tensor in tensors]
    functions = {name: op.graph._get_function(op.get_attr(name).name) for name in CALLS[op.type]}
    made = {}
    for name, function in functions.items():
        inner = op.get_attr(name).name
        graph, before = function.graph, list(function.graph.outputs)
        given = [*before, *outputs_of_branch(graph, name, wanted)]
        known = {
            key: value
            for key, value in function.attributes.items()
            if key in attributes.MONOMORPHIC_FUNCTION_ALLOWLIST
        }
        graph.outputs = given
        try:
            made[name] = atomic_function.from_func_graph(unique_name(f"more_of_{inner}"), graph, known)
        finally:
            # What calls it elsewhere knows nothing of this; a branch is called here alone, and grows.
            graph.outputs = before if name == "f" else given
    shapes = [tensor.shape if len(functions) == 1 else tf.TensorShape(None) for tensor in flat]
    for name, function in made.items():
        op.graph._add_function_recursive(function)
        op._set_func_attr(name, function.name.decode())
    op._set_type_list_attr("Tout", [tensor.dtype for tensor in (*op.outputs, *flat)])
    if len(functions) > 1:
        op._set_shape_list_attr("output_shapes", [*(tensor.shape for tensor in op.outputs), *shapes])
    op._add_outputs([tensor.dtype for tensor in flat], shapes)
    return list(op.outputs[number:])


def outputs_of_branch(graph: Any, name: str, wanted: Mapping[str, Sequence[Tensor]]) -> list[Tensor]:
    """``wanted`` of one branch, and in the place of what is of others nothing."""
    found = []
    with graph.as_default(), tf.name_scope("nanwatch"):
        for other, tensors in wanted.items():
            for tensor in tensors:
                mine = other == name
                found.append(tensor if mine else tf.zeros([0] * (tensor.shape.rank or 0), tensor.dtype))
    return found


def calls_to(graph: Graph, other: Graph) -> list[Any]:
    """The ops through which ``graph`` comes to call the function of ``other``, outermost first; none: not."""
    waiting: list[tuple[Graph, list[Any]]] = [(graph, [])]
    known = {id(graph)}
    while waiting:
        here, path = waiting.pop(0)
        for op in here.get_operations():
            for called in called_graphs(op).values():
                if called is other:
                    return [*path, op]
                if id(called) not in known:
                    known.add(id(called))
                    waiting.append((called, [*path, op]))
    return []


def tensor_named(graph: Any, name: str) -> Tensor:
    found: Tensor = graph.get_tensor_by_name(name)
    return found


def body_of(graph: Any) -> list[Any]:
    """The ops of a function in the order in which its definition has them."""
    arguments = {tensor.op.name for tensor in graph.inputs}
    return [op for op in graph.get_operations() if op.name not in arguments]


def op_named(graph: Any, name: str) -> Any:
    return graph.get_operation_by_name(name)


def is_eager(tensor: object) -> bool:
    """Whether ``tensor`` has a value; the inputs and outputs of a graph's ops have none."""
    return isinstance(tensor, tf.Tensor) and hasattr(tensor, "numpy")


def graph_differentiated(graph: Any) -> Graph | None:
    """Of a graph that computes the gradient of another: that one."""
    found: Graph | None = getattr(graph, "_forward_graph", None)
    if found is None and "backward" in graph.name:
        found = next((outside.graph for outside, _ in graph.captures if hasattr(outside, "graph")), None)
    return found


def is_persistent(tape: tf.GradientTape) -> bool:
    """Whether more than one gradient may be asked of ``tape``."""
    return bool(tape._persistent)


# The name scope of the gradient of an op inside a function: "gradients/while/Sqrt_grad/SqrtGrad".
IN_A_FUNCTION = re.compile(r".*gradients(?:_\d+)?/(?P<rest>.+)$")


def forward_in_function(op: Any) -> Any:
    """The op whose gradient ``op`` is a part of, inside a function that was differentiated; else None."""
    found = IN_A_FUNCTION.search(op.name)
    graph = graph_differentiated(op.graph)
    if found is None or graph is None:
        return None
    names = {each.name: each for each in graph.get_operations()}
    heads = [found["rest"][: cut.start()] for cut in re.finditer("_grad", found["rest"])]
    return next((names[head] for head in heads if head in names), None)


@contextlib.contextmanager
def watch_gradient_functions(watch: GradientWatch) -> Iterator[None]:
    """Call ``watch(op_type, inputs, outputs, name_scope)`` around every gradient that a tape computes."""
    from tensorflow.python import pywrap_tfe
    from tensorflow.python.eager import backprop

    def call(
        op_name: str,
        attrs: Any,
        number: int,
        inputs: Any,
        outputs: Any,
        out_grads: Any,
        skipped: Any,
        scope: str,
    ) -> Any:
        with watch(op_name, tuple(inputs or ()), tuple(outputs or ()), scope or ""):
            return backprop._gradient_function(
                op_name, attrs, number, inputs, outputs, out_grads, skipped, scope
            )

    pywrap_tfe.TFE_Py_RegisterGradientFunction(call)
    try:
        yield
    finally:
        pywrap_tfe.TFE_Py_RegisterGradientFunction(backprop._gradient_function)


def is_stateful(op: Any) -> bool:
    """Whether running ``op`` twice may give two results, or change something."""
    return bool(op.op_def.is_stateful)


@dataclass(frozen=True)
class GraphPart:
    """Those ops of ``graph`` that lead from the tensors ``given`` to those ``wanted`` and ``measured``.

    All are names of tensors; ``definition`` is the graph's.
    """

    graph: Graph
    definition: Any
    given: Mapping[str, Tensor]  # any values of the dtypes and shapes that it will be called with
    wanted: Sequence[str]
    measured: Sequence[str]
    put_in: PutIn

    def program(self, xla: bool = False) -> GraphProgram:
        """The part as a function of values for ``given``.

        It answers the tensors ``wanted``, and a float64 matrix of the size and the counts of -inf, inf and
        NaN of those ``measured``, shape (measured, 4). It is compiled with ``xla``, or else runs op by op, if
        the caller sees to `leave_graphs_as_they_are`.
        """
        part, used = self.cut_out()
        names = sorted(used | (set(self.given) & {*self.wanted, *self.measured}))
        asked = [name for name in dict.fromkeys((*self.wanted, *self.measured)) if name not in self.given]
        count = count_for_xla if xla else count_nonfinite

        def run(*values: Tensor) -> tuple[list[Tensor], Tensor]:
            known = dict(zip(names, values, strict=True))
            mapped = {name: value for name, value in known.items() if name in used}
            made = tf.graph_util.import_graph_def(part, mapped, asked, name="again")
            known |= zip(asked, made or (), strict=True)
            counts = [count(known[name]) for name in self.measured]
            stacked = tf.stack(counts) if counts else tf.zeros([0, 4], tf.float64)
            return [known[name] for name in self.wanted], stacked

        given = [self.given[name] for name in names]
        if xla:  # a concrete function: TensorFlow warns of many that are traced by being called
            function = tf.function(run, jit_compile=True, autograph=False).get_concrete_function(*given)
        else:
            function = tf.compat.v1.wrap_function(run, list(map(spec_of, given)))
        return lambda values: function(*(values[name] for name in names))

    def cut_out(self) -> tuple[Any, set[str]]:
        """The definition of these ops, each free of what binds it to others; and the tensors fed to them."""
        needed, used = set[str](), set[str]()
        asked = [name for name in (*self.wanted, *self.measured) if name not in self.given]
        ahead = [tensor_named(self.graph, name).op for name in asked]
        while ahead:
            op = ahead.pop()
            if op.name not in needed:
                needed.add(op.name)
                used |= {tensor.name for tensor in op.inputs if tensor.name in self.given}
                ahead += [tensor.op for tensor in op.inputs if tensor.name not in self.given]
        part = type(self.definition)()
        part.CopyFrom(self.definition)
        del part.node[:]
        part.node.extend(node for node in self.definition.node if node.name in needed)
        self.put_in(part, part.node, self.graph, self.given)
        for node in part.node:
            for name in [name for name in node.attr if name.startswith("_")]:
                del node.attr[name]
            data = [name for name in node.input if not name.startswith("^")]
            del node.input[:]
            node.input.extend(data)
        return part, used


def count_nonfinite(tensor: Tensor) -> Tensor:
    """Of a tensor of floats: size, and how many -inf, inf and NaN; float64, shape (4,)."""
    counts: Tensor = tf.raw_ops.DebugNumericSummaryV2(
        input=tensor, output_dtype=tf.float64, tensor_debug_mode=3, tensor_id=0
    )[1:]
    return counts


def count_for_xla(tensor: Tensor) -> Tensor:
    """As `count_nonfinite`, whose op XLA cannot compile."""
    nan, inf = tf.math.is_nan(tensor), tf.math.is_inf(tensor)
    negative = tf.less(tensor, tf.zeros([], tensor.dtype))
    kinds = (tf.logical_and(inf, negative), tf.logical_and(inf, tf.logical_not(negative)), nan)
    counted = [tf.reduce_sum(tf.cast(kind, tf.float64)) for kind in kinds]
    counts: Tensor = tf.stack([tf.cast(tf.size(tensor), tf.float64), *counted])
    return counts


def spec_of(value: Tensor) -> tf.TensorSpec:
    shape = None if value.dtype in (tf.resource, tf.variant) else value.shape
    return tf.TensorSpec(shape, value.dtype)


def leave_graphs_as_they_are() -> contextlib.AbstractContextManager[None]:
    """Functions that are run in this block are not rewritten first: every op of them runs by itself."""
    return without_rewriting(True)


def rewrite_graphs() -> contextlib.AbstractContextManager[None]:
    """In a block of `leave_graphs_as_they_are` the opposite."""
    return without_rewriting(False)


@contextlib.contextmanager
def without_rewriting(without: bool) -> Iterator[None]:
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": without})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


# -- eager ops ---------------------------------------------------------------------------------------


def run_op(kind: str, inputs: Sequence[Tensor], attrs: Sequence[Any], outputs: int) -> Sequence[Tensor]:
    """An eager op once more, by the attributes with which a callback was called."""
    from tensorflow.python.eager import context, execute

    found = execute.quick_execute(kind, outputs, list(inputs), tuple(attrs), context.context())
    return list(found) if isinstance(found, list | tuple) else []


class OpType(NamedTuple):
    """What is known of the ops of one type."""

    is_function: bool  # one that was traced; its name differs from process to process
    is_stateful: bool


def op_type(kind: str) -> OpType:
    from tensorflow.python.framework import op_def_registry

    found = op_def_registry.get(kind)
    return OpType(found is None, found is None or bool(found.is_stateful))


@contextlib.contextmanager
def op_callback(callback: OpCallback) -> Iterator[None]:
    """Call ``callback(op_type, inputs, attrs, outputs, op_name, graph)`` for every eager op."""
    from tensorflow.python.framework import op_callbacks

    op_callbacks.add_op_callback(callback)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(callback)


def called_function(op_type: str | bytes, frame: FrameType | None) -> Graph | None:
    """The graph of the traced function that is called eagerly as the op of this name, in a frame that called
    ``frame``; None of what is no function."""
    name = op_type if isinstance(op_type, bytes) else op_type.encode()
    while name.startswith(b"__") and frame is not None:
        function = frame.f_locals.get("self") if frame.f_code.co_filename.endswith(ATOMIC) else None
        if function is not None and getattr(function, "name", None) == name:
            found: Graph = function.graph
            return found
        frame = frame.f_back
    return None


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
