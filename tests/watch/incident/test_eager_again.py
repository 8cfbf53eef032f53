"""The ops of an eager step, run again from the arrays of a snapshot: the same bits come out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.incident import eager_again, held_step
from nanwatch.watch.train_step.eager_ops import EagerOps, EagerStep
from nanwatch.watch.train_step.traced_step import TracedStep

pytestmark = pytest.mark.tensorflow


def kept(step: Callable[[], Any]) -> tuple[EagerStep, Any]:
    """The ops of ``step`` as they run, and what it gives."""
    ops = EagerOps()
    ops.start(lambda doing: contextlib.nullcontext())
    result = step()
    ops.stop()
    return EagerStep(TracedStep(None, targets=[result]), list(ops.kept)), result


def saved(ran: EagerStep, known: Any = ()) -> dict[str, Any]:
    return dict(eager_again.arrays_of(ran, held_step.handles_of(known)))


class Program:
    """Weights, statistics, seeds, draws, a function that was traced, an embedding; other data every time."""

    def __init__(self) -> None:
        self.net = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(8),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3),
            ]
        )
        self.scale = tf.Variable(1.0)
        self.words = tf.Variable(tf.random.normal([5, 3]))
        self.noisy = tf.function(lambda rows: rows + tf.random.normal(tf.shape(rows)))

    def __call__(self) -> Any:
        rows = np.random.normal(size=(6, 4)).astype("float32")
        self.scale.assign_add(1.0)
        found = self.noisy(self.net(rows, training=True)) * self.scale
        found += tf.gather(self.words, np.random.randint(5, size=6))
        return tf.reduce_sum(found + tf.random.normal([6, 1]))


def test_other_data_and_draws_are_replaced_by_those_of_the_snapshot() -> None:
    program = Program()
    first, result = kept(program)
    arrays = saved(first)
    for variable in (*program.net.variables, program.words):  # another process has others
        if variable.dtype in ("float32", tf.float32):
            variable.assign(tf.zeros_like(variable))
    second, other = kept(program)
    assert float(result) != float(other)
    assert eager_again.is_same_step(second, arrays)
    again = eager_again.run_again(second, arrays)
    assert float(again.seen.targets[0]) == float(result)
    assert [op.line for op in again.ops] == [op.line for op in second.ops]


def test_weights_that_the_snapshot_holds_are_not_held_twice() -> None:
    weights = tf.Variable(tf.ones([50]))
    ran, _ = kept(lambda: tf.reduce_sum(weights * 2.0))
    alone, known = saved(ran), saved(ran, [weights])
    assert {name.split("/")[0] for name in alone} == {"eager", "given", "made"}
    assert {name.split("/")[0] for name in known} == {"eager", "given"}
    weights.assign(tf.ones([50]) * 3.0)  # restored, say
    assert float(eager_again.run_again(ran, known).seen.targets[0]) == 300.0
    assert float(eager_again.run_again(ran, alone).seen.targets[0]) == 100.0


def test_nothing_is_written_to() -> None:
    count = tf.Variable(0.0)

    def step() -> Any:
        count.assign_add(1.0)
        return count * 2.0

    ran, _ = kept(step)
    assert float(eager_again.run_again(ran, saved(ran)).seen.targets[0]) == 2.0
    assert float(count) == 1.0


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (lambda x: tf.sqrt(x) + 1.0, True),
        (lambda x: tf.sqrt(x) + 2.0, True),
        (lambda x: tf.square(x) + 1.0, False),
        (lambda x: tf.sqrt(x), False),
    ],
)
def test_a_step_is_known_by_its_ops(other: Callable[[Any], Any], is_same: bool) -> None:
    ran, _ = kept(lambda: tf.sqrt(tf.constant(4.0)) + 1.0)
    found, _ = kept(lambda: other(tf.constant(4.0)))
    assert eager_again.is_same_step(found, saved(ran)) is is_same
