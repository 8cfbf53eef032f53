"""What a step compares with its data, whoever calls whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from nanwatch.watch.train_step.loss_inputs import find_outputs
from nanwatch.watch.train_step.traced_step import LayerCall, TracedStep

pytestmark = pytest.mark.tensorflow


def found_in(step: Callable[[Any, Any, Any], Any]) -> list[str]:
    """The keys of the outputs of ``step(call, x, y)``; ``call(layer, x)`` is a call that is seen."""
    keys: list[str] = []

    @tf.function
    def traced(x: Any, y: Any) -> Any:
        seen = TracedStep(x.graph)

        def call(layer: Any, given: Any) -> Any:
            result = layer(given)
            seen.calls.append(LayerCall(layer, [given], [result]))
            return result

        seen.target = step(call, x, y)
        keys.extend(key for key, _ in find_outputs(seen, [("0", y)]))
        return seen.target

    traced.get_concrete_function(tf.TensorSpec([4, 3]), tf.TensorSpec([4, 2]))
    return keys


def dense(name: str, units: int = 2) -> Any:
    layer = keras.layers.Dense(units, name=name)
    layer.build((None, 3))
    return layer


def test_the_last_layer_that_meets_the_label_has_the_labels_key() -> None:
    first, last = dense("first", 3), dense("last")
    assert found_in(lambda call, x, y: tf.reduce_mean((call(last, call(first, x)) - y) ** 2)) == ["0"]


def test_of_two_networks_each_that_meets_data() -> None:
    """An autoencoder with a head: its reconstruction meets the input, its head the label."""
    decoder, head = dense("decoder", 3), dense("head")

    def step(call: Any, x: Any, y: Any) -> Any:
        rebuilt, said = call(decoder, x), call(head, x)
        return tf.reduce_mean((rebuilt - x) ** 2) + tf.reduce_mean(tf.abs(said - y))

    assert sorted(found_in(step)) == ["0", "decoder"]


def test_what_meets_no_data_is_no_output() -> None:
    judged = dense("judged")
    assert found_in(lambda call, x, y: tf.reduce_mean(call(judged, x) ** 2)) == []
    labels_like = lambda call, x, y: tf.reduce_mean(call(judged, x) - tf.ones_like(y))  # noqa: E731
    assert found_in(labels_like) == []


def test_what_is_made_of_ops_alone_is_no_output() -> None:
    assert found_in(lambda call, x, y: tf.reduce_mean(x[:, :2] - y)) == []


def test_a_weight_of_the_whole_loss_is_no_label() -> None:
    judged = dense("judged")
    assert found_in(lambda call, x, y: tf.reduce_mean(call(judged, x)) * tf.reduce_mean(y)) == []


def test_a_loss_of_keras_is_walked_through() -> None:
    head = dense("head")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert found_in(lambda call, x, y: loss(y, call(head, x))) == ["0"]
