"""The table of the ops that nanwatch adds: every row holds, and what is not in it is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import kernels

from nanwatch.watch.keras_seam.tensorflow_names import make_holder, make_part
from nanwatch.watch.train_step.own_fault import may_be_own
from nanwatch.watch.train_step.own_ops import PLACES, Place, find_out_of_place, is_own, own_ops

pytestmark = pytest.mark.tensorflow


def test_an_op_that_xla_may_be_given_has_a_kernel_there() -> None:
    tf.function(tf.identity, jit_compile=True)(tf.constant(1.0))  # which lists what XLA has
    for kind in PLACES.keys() - {"Placeholder"}:  # an argument, of which nothing is left in the end
        found = {kernel.device_type for kernel in kernels.get_registered_kernels_for_op(kind).kernel}
        assert found & {"CPU", "DEFAULT"}, kind
        assert ("XLA_CPU_JIT" in found) >= (Place.XLA in PLACES[kind]), kind


def answer() -> np.int64:
    return np.int64(1)


def call_host(x: Any) -> Any:
    return tf.numpy_function(answer, [], tf.int64)


def call_host_in_a_branch(x: Any) -> Any:
    return tf.cond(x > 0, lambda: call_host(x), lambda: tf.constant(1, tf.int64))


def take_the_root(x: Any) -> Any:
    return tf.sqrt(x)


@pytest.mark.parametrize(
    ("add", "jit", "is_replica", "expected"),
    [
        (call_host, False, False, None),
        (call_host, False, True, None),
        (call_host, True, False, "PyFunc (nanwatch/PyFunc) cannot stand in what XLA compiles"),
        (
            call_host_in_a_branch,
            True,
            False,
            "PyFunc (nanwatch/cond/PyFunc) cannot stand in what XLA compiles",
        ),
        (take_the_root, False, False, "Sqrt (nanwatch/Sqrt) cannot stand in a graph"),
        (tf.identity, True, False, None),
    ],
)
def test_an_op_out_of_place_is_found(add: Any, jit: bool, is_replica: bool, expected: str | None) -> None:
    assert found_in(add, jit, is_replica) == expected


def found_in(add: Any, jit: bool, is_replica: bool = False) -> str | None:
    found: list[str | None] = []

    def step(x: Any) -> Any:
        with own_ops():
            return add(x)

    def traced(x: Any) -> Any:
        result = tf.function(step, jit_compile=True, autograph=False)(x) if jit else step(x)
        found.append(find_out_of_place(tf.compat.v1.get_default_graph(), is_replica, listed_alone=True))
        return result

    tf.function(traced, autograph=False).get_concrete_function(tf.TensorSpec([], tf.float32))
    return found[0]


def test_an_op_that_is_not_listed_may_stand_where_all_kernels_are() -> None:
    """To refuse a step is dear: variables that its tracing has made are left without a value."""
    with tf.Graph().as_default() as graph, own_ops():
        tf.sqrt(tf.constant(1.0))
    assert find_out_of_place(graph, False) is None
    assert find_out_of_place(graph, True) is None
    assert find_out_of_place(graph, False, listed_alone=True) is not None


def test_xla_assigns_what_has_a_known_shape() -> None:
    fixed, free = make_part(np.float32(0), "fixed"), make_holder(tf.constant(0.0))
    assert found_in(lambda x: fixed.assign(x), jit=True) is None
    said = found_in(lambda x: free.assign(x), jit=True)
    assert said is not None
    assert said.startswith("AssignVariableOp")
    assert found_in(lambda x: free.assign(x), jit=False) is None


def test_what_the_script_makes_is_not_asked() -> None:
    with tf.Graph().as_default() as graph:
        tf.sqrt(tf.constant(1.0))
        assert find_out_of_place(graph, False) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nanwatch/L2Loss", True),
        ("while/body/_1/nanwatch_12/cond/Sqrt", True),
        ("nanwatch", False),
        ("my_nanwatch/L2Loss", False),
        ("nanwatch_layer/MatMul", False),
    ],
)
def test_a_name_tells_whose_op_it_is(name: str, expected: bool) -> None:
    assert is_own(name) is expected


def fails(ours: bool, nodes: bool = True) -> Any:
    """What a compiled step raises in which an op fails."""

    def step(x: Any) -> Any:
        with own_ops() if ours else tf.name_scope("dense"):
            tf.debugging.assert_less(x, 0.0)
        return x

    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        tf.function(step, autograph=False)(tf.constant(1.0))
    if nodes:
        return raised.value
    return tf.errors.ResourceExhaustedError(None, None, "out of memory")


def test_an_error_tells_whose_it_is() -> None:
    assert may_be_own(fails(ours=True))
    assert not may_be_own(fails(ours=False))
    assert may_be_own(fails(ours=True, nodes=False))  # nobody can tell


def test_an_eager_op_of_the_scripts_own_is_the_scripts() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))
    assert not may_be_own(raised.value)
    assert not may_be_own(ValueError("of the script"))
