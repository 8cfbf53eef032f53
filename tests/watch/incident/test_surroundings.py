"""The ops around a birth: what led to it and what took it on, with what they gave."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.incident.births import Birth, Search
from nanwatch.watch.incident.graph_run import GraphRun
from nanwatch.watch.incident.surroundings import (
    MOST_AFTER,
    MOST_BEFORE,
    EagerPlace,
    OpValues,
    Whereabouts,
    around,
    around_eager,
    measured,
)
from nanwatch.watch.train_step import graph_places
from nanwatch.watch.train_step.eager_ops import EagerOp, EagerOps
from nanwatch.watch.train_step.traced_step import let_errors_through

pytestmark = pytest.mark.tensorflow
WHERE = Whereabouts(lambda called: None, None)


def birth_in(step: Callable[[Any], Any], values: list[float]) -> Birth:
    given = tf.constant(values)
    graph = tf.function(step).get_concrete_function(tf.TensorSpec(given.shape)).graph
    run = GraphRun(graph, {graph.inputs[0].name: given})
    found = Search(time.perf_counter() + 60).find_birth(run, list(graph.outputs))
    assert found is not None
    return found


def told(ops: list[OpValues]) -> list[tuple[str, str]]:
    return [(op.told.type, op.told.moment) for op in ops]


def divided(x: Any) -> Any:
    unrelated = tf.exp(x)
    share = tf.abs(x) / tf.reduce_sum(x)
    return tf.reduce_sum(tf.math.log(share)) + tf.reduce_sum(unrelated)


def test_it_is_in_the_order_of_the_graph() -> None:
    ops = around(birth_in(divided, [1.0, -1.0]), WHERE)
    assert told(ops) == [
        ("Placeholder", "before"),
        ("Abs", "before"),
        ("Sum", "before"),
        ("RealDiv", "birth"),
        ("Log", "after"),
        ("Sum", "after"),
        ("AddV2", "after"),
    ]
    sums, born = ops[2], ops[3]
    assert (sums.told.output.low, sums.told.output.high, sums.told.shape) == (0.0, 0.0, ())
    assert (born.told.output.num_pos_inf, born.told.output.size, born.told.shape) == (2, 2, (2,))
    assert born.told.location is not None
    assert born.told.location.code == "share = tf.abs(x) / tf.reduce_sum(x)"
    assert [tensor.numpy().tolist() for tensor in born.inputs] == [[1.0, 1.0], 0.0]
    assert np.isinf(born.output.numpy()).all()


def test_what_is_far_away_is_left_out() -> None:
    def step(x: Any) -> Any:
        for _ in range(9):
            x = tf.square(x)
        x = tf.math.log(x)
        for _ in range(9):
            x = tf.square(x)
        return x

    ops = told(around(birth_in(step, [0.0]), WHERE))
    before, after = [("Square", "before")] * MOST_BEFORE, [("Square", "after")] * MOST_AFTER
    assert ops == [*before, ("Log", "birth"), *after]


def test_a_backward_op_stands_among_those_of_its_forward_op() -> None:
    def slope(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.sqrt(x))
        with graph_places.note_gradients(let_errors_through):
            found = tape.gradient(y, x)
        return found * 2.0

    ops = around(birth_in(slope, [0.0, 1.0]), WHERE)
    born = next(op for op in ops if op.told.moment == "birth")
    assert (born.told.type, born.told.direction, born.told.forward_type) == ("SqrtGrad", "backward", "Sqrt")
    assert ("Sqrt", "before") in told(ops)
    assert told(ops)[-1] == ("Mul", "after")


def nowhere(op: EagerOp) -> EagerPlace:
    return EagerPlace(None, None, None)


def test_the_same_eagerly() -> None:
    ops = EagerOps()
    ops.start(lambda doing: contextlib.nullcontext())
    divided(tf.constant([1.0, -1.0]))
    ops.stop()
    kinds = [op.type.decode() if isinstance(op.type, bytes) else op.type for op in ops.kept]
    found = around_eager(ops.kept, kinds.index("RealDiv"), nowhere)
    assert told(found) == [
        ("Abs", "before"),
        ("Sum", "before"),
        ("RealDiv", "birth"),
        ("Log", "after"),
        ("Sum", "after"),
        ("AddV2", "after"),
    ]


@pytest.mark.parametrize(
    ("value", "low", "high", "bad"),
    [
        (tf.constant([1, 3, 2]), 1.0, 3.0, 0),
        (tf.constant([True, False]), 0.0, 1.0, 0),
        (tf.constant([1.0, float("nan")], tf.bfloat16), 1.0, 1.0, 1),
        (tf.zeros([0]), None, None, 0),
        (tf.constant(["a"]), None, None, 0),
    ],
)
def test_a_range_of_any_dtype(value: Any, low: float | None, high: float | None, bad: int) -> None:
    found = measured(value)
    assert (found.low, found.high, found.num_nan, found.dtype) == (low, high, bad, value.dtype.name)
