"""What a step holds is what its losses and gradients can be made of once more, and no more than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.incident.graph_run import GraphRun
from nanwatch.watch.train_step.held_values import SMALL, is_drawn_again, is_of_loop, values_to_hold
from nanwatch.watch.train_step.own_ops import own_ops
from nanwatch.watch.train_step.variable_writes import note_ops

pytestmark = pytest.mark.tensorflow
LARGE = SMALL + 1


def traced(step: Callable[..., Any], *shapes: tuple[int, ...]) -> Any:
    return (
        tf.function(step).get_concrete_function(*(tf.TensorSpec(shape, tf.float32) for shape in shapes)).graph
    )


def held_types(graph: Any) -> list[str]:
    return sorted(tensor.op.type for tensor in values_to_hold(graph, graph.outputs))


def test_arguments_and_draws_that_lead_to_the_loss() -> None:
    def step(x: Any, unused: Any) -> Any:
        tf.random.uniform([3])
        return tf.reduce_sum(x + tf.random.normal([2]))

    assert held_types(traced(step, (2,), (5,))) == ["Placeholder", "RandomStandardNormal"]


def test_weights_and_constants_stay_where_they_are() -> None:
    weights, table = tf.Variable(tf.ones([LARGE])), tf.constant(np.arange(9.0, dtype=np.float32))

    def step(x: Any) -> Any:
        loss = tf.reduce_sum(weights) * tf.reduce_sum(x) + tf.reduce_sum(table)
        weights.assign_sub(tf.ones([LARGE]))
        return loss

    assert held_types(traced(step, (2,))) == ["Placeholder"]


@pytest.mark.parametrize(("size", "held"), [(SMALL, 2), (LARGE, 1)])
def test_what_is_written_after_it_was_read_is_held_where_it_is_small(size: int, held: int) -> None:
    state = tf.Variable(tf.zeros([size]))

    def step(x: Any) -> Any:
        loss = tf.reduce_sum(state) + tf.reduce_sum(x)
        state.assign_add(tf.ones([size]))
        return loss

    assert len(held_types(traced(step, (2,)))) == held


def test_an_update_that_a_bad_step_does_not_make_changes_nothing() -> None:
    """The weights stay, so that the question after the first weights can be asked with others."""
    weights = tf.Variable(tf.zeros([4]))
    held_back: list[range] = []

    def step(x: Any) -> Any:
        loss = tf.reduce_sum(weights) + tf.reduce_sum(x)
        with note_ops(held_back):
            weights.assign_add(tf.ones([4]))
        with own_ops():
            tf.cond(loss > 0, lambda: tf.reduce_sum(weights), lambda: 0.0)  # reads them alone
        return loss

    graph = traced(step, (2,))
    assert [tensor.op.type for tensor in values_to_hold(graph, graph.outputs, held_back)] == ["Placeholder"]
    assert len(values_to_hold(graph, graph.outputs)) == 2


def test_what_was_written_before_it_was_read_is_held() -> None:
    weights = tf.Variable(tf.zeros([LARGE]))

    def step(x: Any) -> Any:
        weights.assign_add(tf.ones([LARGE]))
        return tf.reduce_sum(weights) + tf.reduce_sum(x)

    assert held_types(traced(step, (2,))) == ["Placeholder", "ReadVariableOp"]


def test_of_a_loss_in_a_function_what_that_was_given() -> None:
    inside: list[Any] = []

    @tf.function
    def compare(x: Any) -> Any:
        inside.append(tf.reduce_sum(tf.square(x)))
        return inside[-1]

    def step(x: Any, y: Any) -> Any:
        return compare(x) + tf.reduce_sum(y)

    graph = traced(step, (2,), (3,))
    assert [tensor.shape.as_list() for tensor in values_to_hold(graph, inside)] == [[2]]


@pytest.mark.filterwarnings("ignore:Seed")  # of whichever test has set one for all
def test_a_step_is_made_once_more_from_what_it_held() -> None:
    """Seeds that have moved on, draws and a dataset's batch: the loss comes out the same."""
    dropout, dense = keras.layers.Dropout(0.5), keras.layers.Dense(4)
    dense.build((None, 6))
    batches = tf.data.Dataset.from_tensor_slices(tf.random.normal([4, 6])).batch(4)
    kept: dict[str, Any] = {}
    graphs: list[Any] = []

    @tf.function
    def epoch() -> Any:
        for x in batches:
            noisy = x + tf.random.normal([6])
            loss = tf.reduce_sum(tf.square(dense(dropout(noisy, training=True))))
            tensors = [*values_to_hold(loss.graph, [loss]), loss]
            graphs.append((loss.graph, loss))
            names = [tensor.name for tensor in tensors]

            def keep(*arrays: Any, names: list[str] = names) -> np.int32:
                kept.update(zip(names, map(np.array, arrays), strict=True))
                return np.int32(0)

            tf.numpy_function(keep, tensors, tf.int32)

    epoch()
    graph, loss = graphs[-1]
    expected = kept.pop(loss.name)
    known = {name: tf.constant(value) for name, value in kept.items()}
    for outer, inner in graph.captures:
        while not hasattr(outer, "numpy"):
            outer = next(one for one, held in outer.graph.captures if held is outer)
        known.setdefault(inner.name, outer)
    (again,) = GraphRun(graph, known).values([loss])
    assert float(again) == pytest.approx(float(expected), rel=1e-6)


@tf.function
def drawn(x: Any) -> Any:
    return x + tf.random.normal(tf.shape(x))


seed, drop = tf.Variable([1, 2]), keras.layers.Dropout(0.5)


@tf.function
def seeded(x: Any) -> Any:
    found = x * tf.random.stateless_uniform(tf.shape(x), tf.identity(seed))
    seed.assign_add([3, 5])
    return found * tf.random.stateless_uniform(tf.shape(x), tf.identity(seed))


@tf.function
def nested(x: Any) -> Any:
    return tf.nn.dropout(drawn(x), 0.5) * drawn(seeded(x))


def branching(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0, lambda: drawn(x), lambda: nested(x) * tf.random.uniform([]))


@tf.function
def everything(x: Any) -> Any:
    return branching(-tf.abs(x)) + nested(x) + drop(x, training=True) + branching(tf.abs(x))


CALLED = {
    "drawn": drawn,
    "seeded": seeded,
    "nested": nested,
    "branching": branching,
    "everything": everything,
}


@pytest.mark.filterwarnings("ignore:Seed")
@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_is_drawn_in_functions_and_branches_is_held(name: str, sign: float) -> None:
    """The loss and its gradient come out the same once more, and the function gives what it gave."""
    kept: dict[str, Any] = {}
    graphs: list[Any] = []
    weight = tf.Variable(2.0)

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(CALLED[name](x * weight))
        targets = [loss, tape.gradient(loss, weight)]
        tensors = [*values_to_hold(loss.graph, targets), *targets]
        again = values_to_hold(loss.graph, targets)
        assert [tensor.name for tensor in (*again, *targets)] == [tensor.name for tensor in tensors]
        graphs.append((loss.graph, targets))
        names = [tensor.name for tensor in tensors]

        def keep(*arrays: Any) -> np.int32:
            kept.update(zip(names, map(np.array, arrays), strict=True))
            return np.int32(0)

        tf.numpy_function(keep, tensors, tf.int32)
        return loss

    compiled = tf.function(step)
    compiled(tf.ones([3, 4]) * sign)
    assert float(compiled(tf.ones([3, 4]) * sign)) != 0
    ((graph, targets),) = graphs
    expected = [kept.pop(tensor.name) for tensor in targets]
    known = {inside.name: outside for outside, inside in graph.captures if hasattr(outside, "numpy")}
    known |= {each: tf.constant(value) for each, value in kept.items()}
    run = GraphRun(graph, known)
    for _ in range(2):
        assert np.allclose([float(each) for each in run.values(targets)], expected, rtol=1e-6)


def looping(x: Any) -> Any:
    for _ in tf.range(2):
        x = x * tf.random.uniform([])
    return x


def looping_quietly(x: Any) -> Any:
    for _ in tf.range(2):
        x = tf.sqrt(x) * tf.cast(tf.identity(seed)[0], tf.float32)
    return x


called_looping, called_looping_quietly = tf.function(looping), tf.function(looping_quietly)


@tf.function(jit_compile=True)
def compiled_by_xla(x: Any) -> Any:
    return x * tf.random.uniform([])


@pytest.mark.parametrize(
    ("function", "again"),
    [
        (looping, True),
        (lambda x: called_looping(x) + x, True),
        (lambda x: compiled_by_xla(x) + x, True),
        (looping_quietly, False),
        (lambda x: everything(tf.reshape(x, [1, 2])), False),
        (lambda x: x * tf.random.uniform([]), False),
    ],
)
def test_what_is_drawn_in_a_loop_is_drawn_again(function: Callable[[Any], Any], again: bool) -> None:
    graph = traced(function, (2,))
    assert is_drawn_again(graph, graph.outputs) is again


def test_what_comes_out_of_a_loop_is_held_and_known_as_that() -> None:
    graph = traced(lambda x: called_looping(x) * looping(x) + called_looping_quietly(x), (2,))
    held = values_to_hold(graph, graph.outputs)
    assert sorted(
        (tensor.op.type, is_of_loop(graph, tensor.name)) for tensor in held if tensor.shape.rank
    ) == [
        ("Placeholder", False),
        ("StatefulPartitionedCall", True),
        ("While", True),
    ]


def test_what_is_taken_out_of_the_lists_of_a_loop_that_draws() -> None:
    """A `TensorArray` cannot be held, as what an episode leaves; what is stacked of it can."""

    def step(x: Any) -> Any:
        drawn = tf.TensorArray(tf.float32, size=3)
        fixed = tf.TensorArray(tf.float32, size=3)
        for turn in tf.range(3):
            drawn = drawn.write(turn, x + tf.random.normal([2]))
        for turn in tf.range(3):
            fixed = fixed.write(turn, x)
        return tf.reduce_sum(drawn.stack()) + tf.reduce_sum(fixed.stack())

    graph = tf.function(step).get_concrete_function(tf.TensorSpec((2,), tf.float32)).graph
    held = values_to_hold(graph, graph.outputs)
    lists = [tensor for tensor in held if tensor.op.type == "TensorListStack"]
    assert len(lists) == 1
    assert is_of_loop(graph, lists[0].name)
    run = GraphRun(graph, {lists[0].name: tf.zeros([3, 2]), graph.inputs[0].name: tf.ones([2])})
    assert float(run.values(graph.outputs)[0]) == 6.0
