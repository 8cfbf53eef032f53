"""A gradient that is registered while a function is traced lives as long as that, and no longer."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import tensorflow as tf

from nanwatch.watch.keras_seam.held_gradients import register_for_graph
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.seams import Taker, take

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def taken() -> Iterator[None]:
    with Patches() as patches:
        take(patches, Taker.GRADIENTS, {"tensorflow.RegisterGradient.__call__": register_for_graph})
        yield


@tf.custom_gradient
def tripled(x: Any) -> Any:
    return 3.0 * x, lambda above: 30.0 * above  # not the slope, so that it is seen to be asked


@tf.function
def called(x: Any) -> Any:
    return tripled(x)


def looped(x: Any) -> Any:
    return tf.while_loop(lambda y: y < 5.0, lambda y: [tripled(y)], [x])[0]


def slope_within(function: Any) -> tuple[Any, Any]:
    """A function that gives the slope of ``function``, and its graph."""

    def slope(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    made = tf.function(slope)
    return made, made.get_concrete_function(tf.TensorSpec((), tf.float32)).graph


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("function", [tripled, called, looped], ids=["plain", "in a function", "in a loop"])
def test_it_is_there_while_the_function_is(function: Any) -> None:
    slope, graph = slope_within(function)
    gc.collect()
    assert slope(tf.constant(2.0)).numpy() == 30.0
    whole = tf.function(function)
    whole(tf.constant(2.0))
    gc.collect()
    with tf.GradientTape() as tape:  # of a function that was traced without one
        x = tf.constant(2.0)
        tape.watch(x)
        y = whole(x)
    assert tape.gradient(y, x).numpy() == 30.0
    assert graph is not None


@pytest.mark.usefixtures("taken")
def test_it_goes_with_the_graph() -> None:
    slope, graph = slope_within(tripled)
    gone = weakref.ref(graph)
    del slope, graph
    gc.collect()
    assert gone() is None


def test_without_it_tensorflow_keeps_the_graph() -> None:
    slope, graph = slope_within(tripled)
    gone = weakref.ref(graph)
    del slope, graph
    gc.collect()
    assert gone() is not None


@pytest.mark.usefixtures("taken")
def test_what_eager_code_registers_stays() -> None:
    def gradient(op: Any, above: Any) -> Any:
        return above

    tf.RegisterGradient("NanwatchTestOfRegister")(gradient)
    kept = weakref.ref(gradient)
    del gradient
    gc.collect()
    assert kept() is not None
