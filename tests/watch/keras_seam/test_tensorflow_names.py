"""Every name of TensorFlow's that is promised nowhere: it is there, and behaves as assumed."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.keras_seam import held_functions, tensorflow_names
from tests.watch.keras_seam.private_names import private_names

pytestmark = pytest.mark.tensorflow


# -- the private names, each by itself -------------------------------------------------------------


def clone() -> None:
    traced: list[int] = []

    @tf.function(jit_compile=False, autograph=False)
    def double(x: Any) -> Any:
        traced.append(len(traced))
        return x * 2

    assert double(tf.constant(1.0)).numpy() == 2.0
    copy = double._clone(None)
    assert copy is not double
    assert type(copy) is type(double)
    assert copy(tf.constant(3.0)).numpy() == 6.0
    assert len(traced) == 2  # the copy was traced by itself, and the original is traced still
    double(tf.constant(1.0))
    assert len(traced) == 2
    assert copy.python_function is double.python_function


def set_attr() -> None:
    """An ``If`` that is not lowered is one op when the function runs."""
    for whole in (True, False):

        @tf.function
        def choose(x: Any, whole: bool = whole) -> Any:
            found = tf.cond(x > 0, lambda: x * 2, lambda: x)
            return tensorflow_names.keep_whole(found) if whole else found

        graph = choose.get_concrete_function(tf.TensorSpec((), tf.float32)).graph
        (op,) = [op for op in graph.get_operations() if op.type in ("If", "StatelessIf")]
        assert op.get_attr("_lower_using_switch_merge") is not whole
        assert (choose(tf.constant(2.0)).numpy(), choose(tf.constant(-2.0)).numpy()) == (4.0, -2.0)


def gradient_function() -> None:
    found: list[Any] = []

    def see(kind: Any, inputs: Any, attrs: Any, outputs: Any, name: Any = None, graph: Any = None) -> None:
        frame: Any = sys._getframe()
        while frame is not None:
            forward = tensorflow_names.forward_op(frame)
            if forward is not None:
                found.append((kind if isinstance(kind, str) else kind.decode(), forward))
                return
            frame = frame.f_back

    x = tf.constant([4.0])
    with tensorflow_names.op_callback(see), tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sqrt(x)
        tape.gradient(y, x)
    kinds = {kind for kind, _ in found}
    assert "SqrtGrad" in kinds
    forward = next(forward for kind, forward in found if kind == "SqrtGrad")
    assert forward.type == "Sqrt"
    assert forward.outputs[0].numpy().tolist() == [2.0]


def added_outputs() -> None:
    """A call, and a cond, that give more than they were made for: the values that are inside."""

    @tf.function
    def doubled(x: Any) -> Any:
        return tf.exp(x * 2.0)

    @tf.function
    def step(x: Any) -> Any:
        called = doubled(x)
        chosen = tf.cond(x > 0, lambda: x + 1.0, lambda: x - tf.ones([2]))
        here: Any = tensorflow_names.traced_graph()
        call, cond = (next(op for op in here.get_operations() if op.type == kind) for kind in kinds)
        inside = {
            name: [op.outputs[0] for op in graph.get_operations() if op.type in ("Mul", "AddV2", "Sub")]
            for op in (call, cond)
            for name, graph in tensorflow_names.called_graphs(op).items()
        }
        more = tensorflow_names.add_outputs(call, {"f": inside.pop("f")})
        assert not tensorflow_names.is_compiled_inside(call)
        return called, chosen, more, tensorflow_names.add_outputs(cond, inside)

    kinds = ("PartitionedCall", "StatelessIf")
    _, _, (double,), (plus, minus) = step(tf.constant(3.0))
    assert (double.numpy(), plus.numpy(), minus.numpy().tolist()) == (6.0, 4.0, [])
    assert tensorflow_names.unique_name("a") != tensorflow_names.unique_name("a")
    assert doubled(tf.constant(0.0)).numpy() == 1.0


def op_callbacks() -> None:
    from tensorflow.python.framework import op_callbacks as callbacks

    seen: list[tuple[Any, ...]] = []

    def see(kind: Any, inputs: Any, attrs: Any, outputs: Any, name: Any = None, graph: Any = None) -> None:
        seen.append((str(kind), len(inputs), len(outputs), graph))

    with tensorflow_names.op_callback(see):
        assert callbacks.should_invoke_op_callbacks()
        tf.add(tf.constant(1.0), tf.constant(2.0))
    assert not callbacks.should_invoke_op_callbacks()
    (added,) = [each for each in seen if "Add" in each[0]]
    assert added[1:] == (2, 1, None)
    before = len(seen)
    tf.add(1.0, 2.0)
    assert len(seen) == before


def tracebacks() -> None:
    from tensorflow.python.util import traceback_utils

    assert isinstance(traceback_utils._EXCLUDED_PATHS, tuple)
    before = traceback_utils._EXCLUDED_PATHS
    traceback_utils._EXCLUDED_PATHS = (*before, __file__)
    try:
        assert not traceback_utils.include_frame(__file__)
    finally:
        traceback_utils._EXCLUDED_PATHS = before
    assert traceback_utils.include_frame(__file__)
    assert tensorflow_names.tracebacks() is traceback_utils


def files_of_an_op() -> set[str]:
    """The files of the frames that TensorFlow notes for an op that is made here."""
    with tf.Graph().as_default():
        return {frame.filename for frame in tf.constant(1.0).op.traceback}


def stack_filter() -> None:
    from tensorflow.python.util import tf_stack

    depth = len(tf_stack._source_filter_stacks[threading.get_ident()])
    assert __file__ in files_of_an_op()
    with tensorflow_names.filter_frames(frozenset({__file__})):
        assert __file__ not in files_of_an_op()
        with tensorflow_names.filter_frames(frozenset({"other.py"})):  # what is above filters too
            assert __file__ not in files_of_an_op()
        assert __file__ not in files_of_an_op()
    assert __file__ in files_of_an_op()
    outer = tensorflow_names.filter_frames(frozenset({__file__}))
    inner = tensorflow_names.filter_frames(frozenset({"other.py"}))
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)  # the outer one first
    assert __file__ in files_of_an_op()
    inner.__exit__(None, None, None)
    assert len(tf_stack._source_filter_stacks[threading.get_ident()]) == depth


def xla_told_by_function() -> None:
    """A ``tf.function`` knows whether XLA compiles it, and stands on the stack while it is traced."""
    for outer, inner in ((True, None), (True, True), (None, True), (None, None)):
        seen: list[bool] = []
        traced_within(outer, inner, seen)
        assert seen == [bool(outer or inner)]
    assert not tensorflow_names.is_traced_for_xla(sys._getframe())


def traced_within(outer: bool | None, inner: bool | None, seen: list[bool]) -> None:
    @tf.function(jit_compile=inner)
    def called(x: Any) -> Any:
        seen.append(tensorflow_names.is_traced_for_xla(sys._getframe()))
        return x + 1.0

    @tf.function(jit_compile=outer)
    def run(x: Any) -> Any:
        return called(x)

    run(tf.constant(1.0))


def resource_variable() -> None:
    """A variable that nanwatch makes while a function is traced does not count as the function's."""
    made: list[tf.Variable] = []

    @tf.function
    def run(x: Any) -> Any:
        made.append(tensorflow_names.make_variable(np.float32(2.0), "nanwatch_test"))
        return made[-1] * x

    assert run(tf.constant(3.0)).numpy() == 6.0
    assert run(tf.constant([1.0])).numpy().tolist() == [2.0]  # with a tf.Variable this raises
    assert [variable.trainable for variable in made] == [False, False]
    unshaped = tensorflow_names.make_variable(np.zeros(0), "nanwatch_test", tf.TensorShape(None))
    assert unshaped.assign([[1.0]]).numpy().tolist() == [[1.0]]
    assert unshaped.dtype == tf.float64


def called_functions() -> None:
    """The graphs behind a call, both branches of a cond and a loop's body, with the ops' own tracebacks."""

    @tf.function
    def inner(x: Any) -> Any:
        return tf.sqrt(x)

    @tf.function
    def run(x: Any) -> Any:
        x = inner(x)
        x = tf.cond(x > 0, lambda: tf.exp(x), lambda: x)
        return tf.while_loop(lambda y: y < 10.0, lambda y: [tf.square(y)], [x])[0]

    graph = run.get_concrete_function(tf.TensorSpec((), tf.float32)).graph
    found = {
        name: called
        for op in graph.get_operations()
        for name, called in tensorflow_names.called_graphs(op).items()
    }
    assert set(found) == {"f", "then_branch", "else_branch", "body", "cond"}
    for name, kind in (("f", "Sqrt"), ("then_branch", "Exp"), ("body", "Square")):
        (op,) = [op for op in found[name].get_operations() if op.type == kind]
        assert __file__ in {frame.filename for frame in op.traceback or ()}
    assert tensorflow_names.calls_to(graph, found["f"])[0].type in tensorflow_names.CALLS
    assert tensorflow_names.calls_to(graph, tf.Graph()) == []


def forward_graph() -> None:
    """The graph of a gradient of a loop or a function tells what graph it is of, and each op what op."""

    @tf.function
    def inner(x: Any) -> Any:
        return tf.sqrt(x)

    @tf.function
    def run(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            (y,) = tf.while_loop(lambda y: y < 10.0, lambda y: [tf.exp(y)], [inner(x)])
        return tape.gradient(y, x)

    graph = run.get_concrete_function(tf.TensorSpec((), tf.float32)).graph
    kinds = set()
    for op in graph.get_operations():
        for called in tensorflow_names.called_graphs(op).values():
            forward = tensorflow_names.graph_differentiated(called)
            if forward is not None:
                for each in called.get_operations():
                    differentiated = tensorflow_names.forward_in_function(each)
                    if differentiated is not None:
                        kinds.add((each.type, differentiated.type))
    assert ("SqrtGrad", "Sqrt") in kinds
    assert ("Mul", "Exp") in kinds
    assert tensorflow_names.graph_differentiated(graph) is None


def gradient_functions() -> None:
    """What is registered is called for each op on the tape, in a graph or not, and given back."""
    seen: list[str] = []

    @contextlib.contextmanager
    def watch(kind: str, inputs: Any, outputs: Any, scope: str) -> Iterator[None]:
        assert inputs or outputs  # of each what its gradient has a use for
        seen.append(kind)
        yield

    def slope(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.square(tf.sqrt(x))
        with tensorflow_names.watch_gradient_functions(watch):
            return tape.gradient(y, x)

    x = tf.constant(4.0)
    assert slope(x).numpy() == 1.0
    assert seen == ["Square", "Sqrt"]
    assert tf.function(slope)(x).numpy() == 1.0
    assert seen[2:] == seen[:2]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sqrt(x)
    assert tape.gradient(y, x).numpy() == 0.25
    assert len(seen) == 4


def called_graphs() -> None:
    """A graph knows the functions that are called in it, be it within one another, and which are XLA's."""
    seen: list[tuple[bool, list[str]]] = []

    @tf.function(autograph=False)
    def run(x: Any) -> Any:
        tf.cond(x > 0, lambda: tf.cond(x > 1, lambda: tf.sqrt(x), lambda: x), lambda: x)
        tf.function(lambda y: tf.cond(y > 0, lambda: tf.exp(y), lambda: y), jit_compile=True)(x)
        for graph, jit in tensorflow_names.graphs_in(tf.compat.v1.get_default_graph()):
            types = {op.type for op in graph.get_operations()} & {"Sqrt", "Exp"}
            seen.extend((jit, [kind]) for kind in types)
        return x

    run(tf.constant(1.0))
    assert sorted(seen) == [(False, ["Sqrt"]), (True, ["Exp"])]


def handle_data() -> None:
    """The handle of a variable knows whether its shape is known, in a function too."""
    seen: list[bool] = []
    fixed = tensorflow_names.make_part(np.float32(1.0), "nanwatch_test")
    free = tensorflow_names.make_holder(tf.constant(1.0))

    @tf.function
    def run() -> Any:
        for variable in (fixed, free):
            op = variable.assign(1.0, read_value=False)
            seen.append(tensorflow_names.is_shape_known(op.inputs[0]))

    run()
    assert seen == [True, False]


def persistent() -> None:
    for persistent in (True, False):
        assert tensorflow_names.is_persistent(tf.GradientTape(persistent=persistent)) is persistent


def eager_op_again() -> None:
    """An op is run by its type, its inputs and its attributes, as its callback was given them."""
    three = tf.constant(3.0)
    (found,) = tensorflow_names.run_op("Mul", [three, three], ("T", tf.float32.as_datatype_enum), 1)
    assert float(found) == 9.0


def types_of_ops() -> None:
    assert tensorflow_names.op_type("Sqrt") == (False, False)
    assert tensorflow_names.op_type("ReadVariableOp") == (False, True)


def replicas_here() -> None:
    """Of those on one machine all are this process's; in a job they begin behind those of other workers."""
    devices = tf.config.list_logical_devices("CPU")
    mirrored = tf.distribute.MirroredStrategy([device.name for device in devices])
    assert tensorflow_names.replicas_here(mirrored) == (0, len(devices), True)
    extended = mirrored.extended
    asked = {
        "_in_multi_worker_mode": lambda: True,
        "_get_replica_id_in_sync_group": lambda number: 2 + number,
    }
    assert all(callable(getattr(extended, name)) for name in asked)

    class Job:
        num_replicas_in_sync = 2 + len(devices)
        extended = SimpleNamespace(worker_devices=mirrored.extended.worker_devices, **asked)

    assert tensorflow_names.replicas_here(Job()) == (2, len(devices), False)


BETS: dict[str, Callable[[], None]] = {
    "_in_multi_worker_mode": replicas_here,
    "_get_replica_id_in_sync_group": replicas_here,
    "_clone": clone,
    "_set_attr": set_attr,
    "_lower_using_switch_merge": set_attr,
    "_functions": called_graphs,
    "_XlaMustCompile": called_graphs,
    "_gradient_function": gradient_function,
    "_get_function": called_functions,
    "_forward_graph": forward_graph,
    "_grad": forward_graph,
    "_persistent": persistent,
    "tensorflow.python.pywrap_tfe": gradient_functions,
    "tensorflow.python.eager.backprop": gradient_functions,
    "_stack_dict": stack_filter,
    "_thread_key": stack_filter,
    "tensorflow.python.framework.op_callbacks": op_callbacks,
    "_add_function_recursive": added_outputs,
    "_add_outputs": added_outputs,
    "_set_func_attr": added_outputs,
    "_set_shape_list_attr": added_outputs,
    "_set_type_list_attr": added_outputs,
    "tensorflow.python.eager.polymorphic_function.atomic_function": added_outputs,
    "tensorflow.python.eager.polymorphic_function.attributes": added_outputs,
    "tensorflow.python.framework.ops": added_outputs,
    "_jit_compile": xla_told_by_function,
    "tensorflow.python.eager.context": eager_op_again,
    "tensorflow.python.eager.execute": eager_op_again,
    "tensorflow.python.framework.op_def_registry": types_of_ops,
    "tensorflow.python.ops.handle_data_util": handle_data,
    "tensorflow.python.ops.resource_variable_ops": resource_variable,
    "tensorflow.python.util.tf_stack": stack_filter,
    "tensorflow.python.util.traceback_utils": tracebacks,
}


def test_every_private_name_is_tested() -> None:
    assert private_names(Path(tensorflow_names.__file__)) == set(BETS)


@pytest.mark.parametrize("name", BETS)
def test_a_private_name(name: str) -> None:
    BETS[name]()


# -- names that are public, and promised nowhere ---------------------------------------------------


def test_the_graph_that_is_traced() -> None:
    seen: list[Any] = []

    @tf.function
    def run(x: Any) -> Any:
        seen.append(tensorflow_names.traced_graph())
        with tf.init_scope():
            seen.append(tensorflow_names.traced_graph())
        return x

    run(tf.constant(1.0))
    assert seen == [run.get_concrete_function(tf.constant(1.0)).graph, None]
    assert tensorflow_names.traced_graph() is None


def test_functions_of_tensorflow_1_are_passed_by() -> None:
    """The gradient of `ctc_loss` is in one."""
    seen: list[int] = []

    @tf.function
    def run(logits: Any) -> Any:
        labels, lengths = tf.constant([[1, 2]]), tf.constant([2])
        loss = tf.nn.ctc_loss(
            labels, logits, lengths, tf.constant([5]), logits_time_major=False, blank_index=0
        )
        gradient = tf.gradients(loss, logits)
        graph = tf.compat.v1.get_default_graph()
        seen.append(len(tensorflow_names.graphs_in(graph)) - len(graph._functions))
        return gradient

    run(tf.ones((1, 5, 4)))
    assert seen
    assert seen[0] < 1  # some of them have no graph


def test_whether_a_tensor_comes_from_others() -> None:
    seen: list[bool] = []

    @tf.function(autograph=False)
    def run(x: Any, y: Any) -> Any:
        made = tf.sqrt(tf.exp(x) + 1.0)
        asked = ([made], [y, made], [y], [tf.stack([y, y])])
        seen.extend(tensorflow_names.come_from(tensors, {id(x)}) for tensors in asked)
        return made

    run(tf.constant(1.0), tf.constant(2.0))
    assert seen == [True, True, False, False]


def test_the_class_of_functions() -> None:
    assert isinstance(tf.function(lambda: 1), tensorflow_names.function_class())
    assert "__call__" in vars(tensorflow_names.function_class())


@pytest.mark.parametrize("make", [tf.Variable, keras.Variable])
def test_what_a_function_captures_and_is_given(make: Callable[..., Any]) -> None:
    variable = make([1.0, 2.0])
    seen: dict[str, Any] = {}

    @tf.function
    def run(x: Any) -> Any:
        variable.assign(tf.convert_to_tensor(variable) + x)
        graph = tensorflow_names.traced_graph()
        assert graph is not None
        seen["inside"] = tensorflow_names.captured_inside(graph).get(id(tensorflow_names.handle_of(variable)))
        seen["arguments"] = tensorflow_names.arguments_of(graph)
        seen["x"] = x
        seen["written"] = [op.inputs[0] for op in graph.get_operations() if op.type.startswith("Assign")]
        return x

    run(tf.constant([1.0, 1.0]))
    assert seen["inside"].dtype == tf.resource
    assert [tensor is seen["inside"] for tensor in seen["written"]] == [True]
    assert any(tensor is seen["x"] for tensor in seen["arguments"])
    np.testing.assert_array_equal(variable.numpy(), [2.0, 3.0])


def test_ops_are_made_once_more() -> None:
    """Those named and what leads to them, with what is given in the place of what was captured."""
    counter, other = tf.Variable(1.0), tf.Variable(2.0)

    @tf.function
    def run(x: Any) -> None:
        counter.assign_add(other + 3.0)
        other.assign(x)

    graph = run.get_concrete_function(tf.TensorSpec([], tf.float32)).graph
    (name,) = [op.name for op in graph.get_operations() if op.type == "AssignAddVariableOp"]
    given = {inside.name: outside for outside, inside in graph.captures}

    @tf.function
    def again() -> None:
        tensorflow_names.import_ops(graph, [name], given)

    again()
    assert (counter.numpy(), other.numpy()) == (6.0, 2.0)


def test_a_function_is_traced_again() -> None:
    traced: list[int] = []

    @tf.function
    def run() -> Any:
        traced.append(len(traced))
        if len(traced) == 1:
            tensorflow_names.trace_again()
        return tf.constant(len(traced))

    assert [run().numpy(), run().numpy()] == [2, 2]


def test_functions_run_eagerly() -> None:
    seen: list[bool] = []

    @tf.function
    def run() -> Any:
        seen.append(tf.executing_eagerly())
        return 1

    with tensorflow_names.run_functions_eagerly():
        run()
    run()
    assert seen == [True, False]


def test_a_result_that_is_no_cond_is_let_be() -> None:
    eager = tf.constant(1.0)
    assert tensorflow_names.keep_whole(eager) is eager

    @tf.function
    def run(x: Any) -> Any:
        assert tensorflow_names.keep_whole(x) is x
        return x

    run(eager)


def test_the_user_line_of_an_op() -> None:
    """``op.traceback`` has the innermost frame last."""
    with tf.Graph().as_default():
        op = tf.constant(1.0).op
    frames = [frame for frame in op.traceback if frame.filename == __file__]
    assert isinstance(frames[-1].lineno, int)
    line = traceback.extract_stack()[-1].lineno
    assert line is not None
    assert 0 < line - frames[-1].lineno < 10


# -- graphs that are run again ---------------------------------------------------------------------


def test_a_graph_tells_how_many_ops_it_has() -> None:
    with tf.Graph().as_default() as graph:
        for number in range(3):
            assert graph.version == len(graph.get_operations()) == number
            tf.constant(1.0)


@pytest.mark.parametrize("xla", [False, True])
def test_a_part_of_a_graph_is_run_from_given_values(xla: bool) -> None:
    variable = tf.Variable([2.0, 0.0])

    @tf.function
    def run(x: Any) -> Any:
        drawn = tf.random.normal([2])
        variable.assign_add([1.0, 1.0])
        return tf.math.log(x * drawn) + variable

    graph = run.get_concrete_function(tf.TensorSpec([2], tf.float32)).graph
    (drawn,) = [op.outputs[0] for op in graph.get_operations() if op.type == "RandomStandardNormal"]
    (log,) = [op.outputs[0] for op in graph.get_operations() if op.type == "Log"]
    given = {graph.inputs[0].name: tf.constant([1.0, 0.0]), drawn.name: tf.constant([1.0, 5.0])}
    part = tensorflow_names.GraphPart(
        graph, graph.as_graph_def(), given, [log.name], [log.name, drawn.name], held_functions.put_in
    )
    (found,), counts = part.program(xla)(given)
    assert found.numpy().tolist() == [0.0, -np.inf]
    assert counts.numpy().tolist() == [[2.0, 1.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]
    assert variable.numpy().tolist() == [2.0, 0.0]  # what the function writes is not run


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_both_counts_of_what_is_not_finite_are_the_same(dtype: Any) -> None:
    values = tf.cast(tf.constant([[1.0, -np.inf, np.nan], [np.inf, np.inf, 0.0]]), dtype)
    expected = [6.0, 1.0, 2.0, 1.0]
    assert tensorflow_names.count_nonfinite(values).numpy().tolist() == expected
    assert tensorflow_names.count_for_xla(values).numpy().tolist() == expected
    assert tensorflow_names.count_nonfinite(tf.zeros([0, 3], dtype)).numpy().tolist() == [0.0] * 4


def test_the_optimizer_of_graphs_is_given_back() -> None:
    def is_off() -> bool:
        return bool(tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False))

    before = is_off()
    with tensorflow_names.leave_graphs_as_they_are():
        assert is_off()
    assert is_off() is before


def test_a_function_that_is_called_as_an_eager_op_has_its_graph() -> None:
    seen: list[tuple[str, Any]] = []

    @tf.function
    def doubled(x: Any) -> Any:
        return x * 2.0

    def see(op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any, graph: Any = None) -> None:
        if graph is None:
            found = tensorflow_names.called_function(op_type, sys._getframe(1))
            seen.append((str(op_type), None if found is None else found.name))

    doubled(tf.ones([2]))
    with tensorflow_names.op_callback(see):
        doubled(tf.ones([2]) + 1.0)
    assert [name for _, name in seen if name] == ["doubled"]
    assert [name for kind, name in seen if "AddV2" in kind] == [None]


def test_an_eager_op_runs_again_as_its_callback_was_told() -> None:
    seen: list[Any] = []

    def note(
        kind: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None, graph: Any = None
    ) -> None:
        seen.append((kind.decode() if isinstance(kind, bytes) else kind, inputs, attrs, outputs))

    doubled = tf.function(lambda x: x * 2.0)
    x = tf.constant([[1.0, 4.0], [9.0, 16.0]])
    doubled(x)
    with tensorflow_names.op_callback(note):
        tf.linalg.matmul(tf.sqrt(x), x, transpose_b=True)
        tf.reduce_sum(x, axis=1, keepdims=True)
        tf.split(x, 2)
        doubled(x)
    assert len(seen) == 5
    for kind, inputs, attrs, outputs in seen:
        again = tensorflow_names.run_op(kind, inputs, attrs, len(outputs))
        assert [one.numpy().tolist() for one in again] == [one.numpy().tolist() for one in outputs]


@pytest.mark.parametrize(
    ("kind", "is_function", "is_stateful"),
    [
        ("Sqrt", False, False),
        ("RandomStandardNormal", False, True),
        ("ReadVariableOp", False, True),
        ("__inference_step_12", True, True),
    ],
)
def test_what_an_op_of_a_type_is(kind: str, is_function: bool, is_stateful: bool) -> None:
    assert tensorflow_names.op_type(kind) == (is_function, is_stateful)
