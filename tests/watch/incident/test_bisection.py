"""Where a step that is finite op by op goes bad as it was compiled: by XLA, and as TensorFlow rewrites it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.incident.births import Search
from nanwatch.watch.incident.bisection import Bisection, CompiledBirth
from nanwatch.watch.incident.graph_run import GraphRun
from nanwatch.watch.incident.op_trace import OutOfTime
from nanwatch.watch.incident.singular_arguments import is_singular
from nanwatch.watch.keras_seam import tensorflow_names
from tests.watch.incident.test_births import slope

pytestmark = pytest.mark.tensorflow
SEEDS = 150


def run_of(step: Callable[[Any], Any], given: tf.Tensor) -> GraphRun:
    graph = tf.function(step).get_concrete_function(tf.TensorSpec(given.shape, given.dtype)).graph
    return GraphRun(graph, {graph.inputs[0].name: given})


def birth_of(run: GraphRun, xla: bool, seconds: float = 60) -> CompiledBirth | None:
    search = Search(time.perf_counter() + seconds)
    with tensorflow_names.leave_graphs_as_they_are():
        return Bisection(search, xla).find_birth(run, list(run.graph.outputs))


def of_constants(x: Any) -> Any:
    return x * 1e30 * 1e30


def divided(x: Any) -> Any:
    return x[0] / x[1] / x[2]


def shifted(x: Any) -> Any:
    return (x - 3e38) - 3e38


def rooted(x: Any) -> Any:
    """The small number is added to the first of the two that are subtracted, and is lost there."""
    return tf.reduce_sum(tf.sqrt(x * x - tf.reverse(x, [0]) * x + 1e-12))


def spread(x: Any) -> Any:
    """A product and a difference that are made in one, and rounded once, leave less than nothing."""
    mean = tf.reduce_mean(x)
    return tf.sqrt(tf.reduce_mean(x * x) - mean * mean + 1e-12)


def masked_root(x: Any) -> Any:
    return tf.sqrt(x) * 0.0


@tf.function
def root_of(x: Any) -> Any:
    return tf.sqrt(x * x - tf.reverse(x, [0]) * x + 1e-12)


def in_a_branch(x: Any) -> Any:
    return x * 1e30 * 1e30 if x[0] > 0 else x


def in_a_loop(x: Any) -> Any:
    for _ in tf.range(3):
        x = x * 1e30 * 1e30 * 1e-30 * 1e-30
    return x


# What is run, from what, compiled how; and the op, and whether it is bad by itself.
KINDS: dict[str, tuple[Callable[[Any], Any], list[float], bool, tuple[str, bool] | None]] = {
    "a product of constants, XLA": (of_constants, [1e-30], True, ("Mul", False)),
    "a product of constants": (of_constants, [1e-30], False, ("Mul", False)),
    "a product of divisors": (divided, [1e-30] * 3, True, ("RealDiv", False)),
    "a sum of constants": (shifted, [3.3e38], False, ("Sub", False)),
    "an epsilon that is lost": (slope(rooted), [0.5, 0.5], False, ("SqrtGrad", True)),
    "an arithmetic of its own": (slope(masked_root), [0.0], True, ("SqrtGrad", True)),
    "in a function's slope": (slope(lambda x: root_of(x)), [0.5, 0.5], False, ("SqrtGrad", True)),
    "in a branch": (in_a_branch, [1e-30], True, ("Mul", False)),
    "in a loop": (in_a_loop, [1e-30], True, ("Mul", False)),
    "finite": (lambda x: tf.sqrt(x), [0.0], True, None),
    "an infinity that was there op by op": (lambda x: tf.math.log(x), [0.0], True, None),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_op_at_which_it_goes_bad(name: str) -> None:
    step, values, xla, expected = KINDS[name]
    found = birth_of(run_of(step, tf.constant(values)), xla)
    assert (found and (found.birth.op.type, found.explained)) == expected


def test_an_epsilon_that_rounding_once_makes_too_small() -> None:
    rng = np.random.default_rng(0)
    assert_told(spread, "Sqrt", lambda: np.full(8, rng.random(), np.float32))


def test_what_it_was_given_and_what_it_gave_are_those_of_the_compiled_step() -> None:
    found = birth_of(run_of(slope(rooted), tf.constant([0.5, 0.5])), False)
    assert found is not None
    run, op = found.birth.run, found.birth.op
    root, incoming = (run.known[tensor.name].numpy() for tensor in op.inputs)
    assert (root.tolist(), incoming.tolist()) == ([0.0, 0.0], [1.0, 1.0])
    assert not np.isfinite(run.known[op.outputs[0].name].numpy()).any()


def unit(x: Any) -> Any:
    return x / tf.norm(x, axis=-1, keepdims=True)


def log_of_what_is_left(x: Any) -> Any:
    return tf.reduce_sum(tf.math.log(1.0 - tf.reduce_sum(unit(x) ** 2, -1) + 1.3e-7))


def root_of_what_is_left(x: Any) -> Any:
    return tf.reduce_sum(tf.sqrt(1.0 - tf.reduce_sum(unit(x) ** 2, -1) + 1.3e-7))


@pytest.mark.parametrize(
    ("step", "kind"), [(log_of_what_is_left, "Log"), (root_of_what_is_left, "Sqrt")], ids=["log", "root"]
)
def test_one_that_vanishes_when_all_ops_are_looked_at_in_one_program(
    step: Callable[[Any], Any], kind: str
) -> None:
    rng = np.random.default_rng(0)
    assert_told(step, kind, lambda: rng.random((4, 8), np.float32), vanishes=True)


def assert_told(
    step: Callable[[Any], Any], kind: str, draw: Callable[[], Any], vanishes: bool = False
) -> None:
    """The first of the draws with which it goes bad under XLA alone is told; which one is the machine's."""
    run = run_of(step, tf.constant(draw()))
    compiled = GraphRun(run.graph, run.known, xla=True)
    wanted = list(run.graph.outputs)
    with tensorflow_names.leave_graphs_as_they_are():
        for _ in range(SEEDS):
            given = {run.graph.inputs[0].name: tf.constant(draw())}
            run, compiled = run.with_values(given), compiled.with_values(given)
            if not is_finite(run, wanted) or is_finite(compiled, wanted):
                continue
            at_once = Search(time.perf_counter() + 60).find_birth(compiled, wanted)
            if vanishes and at_once is not None:
                continue
            found = Bisection(Search(time.perf_counter() + 60), True).find_birth(run, wanted)
            assert found is not None
            assert (found.birth.op.type, found.explained) == (kind, True)
            return
    pytest.skip("XLA rounds otherwise here")


def is_finite(run: GraphRun, wanted: list[Any]) -> bool:
    return all(bool(np.isfinite(value.numpy()).all()) for value in run.values(wanted))


def test_it_ends_in_time() -> None:
    with pytest.raises(OutOfTime):
        birth_of(run_of(of_constants, tf.constant([1e-30])), True, seconds=-1)


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        ("Sqrt", [0.0], True),
        ("Sqrt", [1e-30], False),
        ("Log", [-1.0], True),
        ("Log1p", [-0.5], False),
        ("RealDiv", [1.0, 0.0], True),
        ("RealDiv", [0.0, 1.0], False),
        ("Pow", [0.0, 0.5], True),
        ("Pow", [0.0, 2.0], False),
        ("Pow", [-1.0, 0.5], True),
        ("Pow", [-1.0, 2.0], False),
        ("Atanh", [1.0], True),
        ("Mul", [0.0, 0.0], False),
    ],
)
def test_where_an_op_has_no_finite_value_or_slope(kind: str, inputs: list[float], expected: bool) -> None:
    assert is_singular(kind, [np.array([value], np.float32) for value in inputs]) is expected
