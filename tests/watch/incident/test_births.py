"""Where in a graph that ran a non-finite number is born, and where one is only handed on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.incident.births import Birth, Search
from nanwatch.watch.incident.graph_run import GraphRun, MissingValue
from nanwatch.watch.incident.op_trace import OutOfTime, is_birth

pytestmark = pytest.mark.tensorflow
INF = float("inf")


def birth_in(
    step: Callable[[Any], Any], values: list[float], dtype: Any = tf.float32, xla: bool = False
) -> Birth | None:
    """The birth in the graph of ``step``, run from ``values``, of what is bad in its result."""
    given = tf.constant(values, dtype)
    graph = tf.function(step).get_concrete_function(tf.TensorSpec(given.shape, dtype)).graph
    known = {graph.inputs[0].name: given}
    return Search(time.perf_counter() + 60).find_birth(GraphRun(graph, known, xla), list(graph.outputs))


def slope(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    return step


def looped(x: Any) -> Any:
    for _ in tf.range(50):
        x = tf.square(x)
    return x


def rooted(x: Any) -> Any:
    for _ in tf.range(2):
        x = tf.sqrt(x) + x
    return x


def listed(x: Any) -> Any:
    found = tf.TensorArray(tf.float32, 3)
    for place in tf.range(3):
        found = found.write(place, tf.math.log(x[place]))
    return found.stack()


def branched(x: Any) -> Any:
    return tf.exp(x) if tf.reduce_sum(x) > 0 else tf.math.log(x)


@tf.function
def inner(x: Any) -> Any:
    return tf.math.log(tf.nn.relu(x))


KINDS: dict[str, tuple[Callable[[Any], Any], list[float], str | None]] = {
    "log of 0": (lambda x: tf.math.log(x) * 2.0, [1.0, 0.0], "Log"),
    "what is masked leads nowhere": (lambda x: tf.where(x > 0, tf.math.log(x), 0.0), [1.0, 0.0], None),
    "the first of two": (lambda x: tf.exp(x) - tf.exp(x + 1.0), [100.0], "Exp"),
    "infinities that were made": (lambda x: tf.exp(x) / tf.exp(x), [100.0], "Exp"),
    "a mask that is meant": (lambda x: tf.nn.softmax(tf.where(x > 0, x, -INF)), [1.0, 0.0], None),
    "a mask that leaves nothing": (lambda x: tf.nn.softmax(tf.where(x > 9, x, -INF)), [1.0, 0.0], "Softmax"),
    "a mask out of a log": (lambda x: tf.nn.softmax(tf.math.log(x)), [0.0, 0.0], "Softmax"),
    "a constant times 0": (lambda x: x * tf.constant(INF), [0.0], "Mul"),
    "what was given is no birth": (lambda x: x + 1.0, [float("nan")], None),
    "NaN of what was given": (lambda x: x - x, [INF], "Sub"),
    "a slope": (slope(lambda x: tf.sqrt(x)), [0.0], "SqrtGrad"),
    "in a loop": (looped, [3.0], "Square"),
    "in a list": (listed, [1.0, 0.0, 2.0], "Log"),
    "in the branch that ran": (branched, [100.0], "Exp"),
    "in a function": (inner, [-1.0], "Log"),
    "in a function's slope": (slope(lambda x: inner(x)), [0.0], "Reciprocal"),
    "in a loop's slope": (slope(rooted), [0.0], "SqrtGrad"),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_op_that_made_it(name: str) -> None:
    step, values, kind = KINDS[name]
    found = birth_in(step, values)
    assert (found and found.op.type) == kind


def test_the_ops_that_call_its_graph_are_told() -> None:
    found = birth_in(lambda x: inner(x) + 1.0, [-1.0])
    assert found is not None
    assert [op.type for op in found.callers] == ["PartitionedCall"]
    assert birth_in(tf.math.log, [0.0]).callers == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(("largest", "kind"), [(65504.0, None), (65520.0, "Cast")])
def test_a_number_that_half_precision_does_not_hold(largest: float, kind: str | None) -> None:
    found = birth_in(lambda x: tf.cast(x, tf.float16), [largest])
    assert (found and found.op.type) == kind


def test_xla_has_an_arithmetic_of_its_own() -> None:
    """0 times the slope of a root at 0: TensorFlow's kernel takes it for 0."""

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sqrt(x) * 0.0
        return tape.gradient(y, x)

    assert birth_in(step, [0.0]) is None
    found = birth_in(step, [0.0], xla=True)
    assert found is not None
    assert found.op.type == "SqrtGrad"


def test_a_search_ends_in_time() -> None:
    graph = tf.function(looped).get_concrete_function(tf.TensorSpec([1], tf.float32)).graph
    run = GraphRun(graph, {graph.inputs[0].name: tf.constant([3.0])})
    with pytest.raises(OutOfTime):
        Search(time.perf_counter() - 1).find_birth(run, list(graph.outputs))


def test_what_was_not_held_is_missed() -> None:
    graph = tf.function(tf.math.log).get_concrete_function(tf.TensorSpec([1], tf.float32)).graph
    with pytest.raises(MissingValue):
        Search(time.perf_counter() + 9).find_birth(GraphRun(graph, {}), list(graph.outputs))


@pytest.mark.parametrize(
    ("kind", "bad", "sick", "parents", "born"),
    [
        ("Log", -INF, None, (), True),
        ("Const", -INF, None, (), False),
        ("Sub", np.nan, INF, (), True),  # of an infinity that was meant
        ("Sub", np.nan, INF, (3,), False),  # of one that an op made
        ("Softmax", np.nan, -INF, (3,), True),
        ("Softmax", np.nan, INF, (3,), False),
        ("Add", INF, INF, (), False),
        ("Add", np.nan, np.nan, (), False),
    ],
)
def test_what_an_eager_op_is_the_birth_of(
    kind: str, bad: float, sick: float | None, parents: tuple[int, ...], born: bool
) -> None:
    given = [] if sick is None else [np.array([sick, 0.0], np.float32)]
    assert is_birth(kind, [np.array([bad], np.float32)], given, parents) is born
