"""What a loop reads of a small variable is held, as its function may yet write to that."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

from nanwatch.watch.keras_seam.keras_types import Gradient
from nanwatch.watch.train_step.held_values import SMALL
from nanwatch.watch.train_step.late_writes import reads_of_small
from nanwatch.watch.train_step.traced_step import TracedStep

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(("size", "is_held"), [(SMALL, True), (SMALL + 1, False)])
def test_the_small_ones_that_the_update_is_not_for(size: int, is_held: bool) -> None:
    weights, average, unread = tf.Variable([1.0, 2.0]), tf.Variable(tf.ones([size])), tf.Variable(0.0)
    held: list[str] = []

    @tf.function
    def step(rows: Any) -> Any:
        unread + 1.0
        loss = tf.reduce_sum(rows * weights) + tf.reduce_mean(average)
        graph = tf.compat.v1.get_default_graph()
        seen = TracedStep(graph, targets=[loss], gradients=[Gradient(None, weights)])
        held[:] = [tensor.op.inputs[0].name for tensor in reads_of_small(graph, seen)]
        average.assign_add(tf.ones([size]))
        return loss

    graph = step.get_concrete_function(tf.TensorSpec([2])).graph
    inside = {id(outside): tensor.name for outside, tensor in graph.captures}
    assert held == ([inside[id(average.handle)]] if is_held else [])
