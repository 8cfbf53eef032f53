"""The ops in the step, against NumPy; what is only large is no alarm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
DTYPES = ["float16", "bfloat16", "float32", "float64"]
NAN, INF = math.nan, math.inf


@pytest.fixture(scope="module")
def tf() -> Any:
    import tensorflow

    return tensorflow


@pytest.fixture(scope="module")
def sentinel() -> Any:
    from nanwatch.watch import sentinel

    return sentinel


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 3, 4), (0, 3)])
def test_half_the_sum_of_squares(tf: Any, sentinel: Any, dtype: str, shape: tuple[int, ...]) -> None:
    values = tf.cast(np.random.default_rng(0).normal(size=shape), dtype)
    exact = np.asarray(tf.cast(values, tf.float64))
    found = sentinel.half_square_sum(values)
    assert found.dtype == tf.float32
    assert float(found) == pytest.approx(math.fsum(v * v for v in exact.reshape(-1)) / 2, rel=1e-6)


def test_half_precision_is_summed_in_float32(tf: Any, sentinel: Any) -> None:
    """256 squared is 65536, more than float16 holds."""
    assert float(sentinel.half_square_sum(tf.constant([256.0, 256.0], tf.float16))) == 65536.0


def test_the_slices_of_an_embeddings_gradient(tf: Any, sentinel: Any) -> None:
    slices = tf.IndexedSlices(tf.constant([[3.0], [4.0]]), tf.constant([7, 9]), tf.constant([100, 1]))
    assert sentinel.watchable(slices)
    assert float(sentinel.half_square_sum(slices)) == 12.5
    assert bool(sentinel.all_finite([slices]))
    whole = tf.IndexedSlices(tf.constant([[3], [4]]), tf.constant([7, 9]))
    assert not sentinel.watchable(whole)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_element_is_enough(tf: Any, sentinel: Any, dtype: str, bad: float) -> None:
    values = np.ones((5, 7))
    values[3, 2] = bad
    tensor = tf.cast(values, dtype)
    assert not math.isfinite(float(sentinel.half_square_sum(tensor)))
    assert not bool(sentinel.all_finite([tf.ones(3), tensor]))
    assert not bool(surely(sentinel, [tf.ones(3), tensor]))


def surely(sentinel: Any, tensors: list[Any]) -> Any:
    return sentinel.surely_finite([sentinel.half_square_sum(tensor) for tensor in tensors], tensors)


@pytest.mark.parametrize(("value", "overflows"), [(1e18, False), (1e20, True), (3e38, True)])
def test_a_large_gradient_is_finite(tf: Any, sentinel: Any, value: float, overflows: bool) -> None:
    large = tf.constant([value, -value])
    assert math.isinf(float(sentinel.half_square_sum(large))) is overflows
    assert bool(sentinel.all_finite([large]))
    assert bool(surely(sentinel, [large, tf.ones(2)]))
    compiled = tf.function(lambda: surely(sentinel, [large, large]))
    assert bool(compiled())


def test_large_sums_that_overflow_together(tf: Any, sentinel: Any) -> None:
    tensors = [tf.constant([1.8e19])] * 3  # each sum is 1.6e38, and all together are infinite
    assert all(math.isfinite(float(sentinel.half_square_sum(tensor))) for tensor in tensors)
    assert bool(surely(sentinel, tensors))


@pytest.mark.parametrize("jit", [False, True])
def test_nan_is_found_in_a_compiled_function(tf: Any, sentinel: Any, jit: bool) -> None:
    @tf.function(jit_compile=jit)
    def check(values: Any) -> Any:
        return surely(sentinel, [values, tf.ones(2)])

    assert bool(check(tf.constant([1.0, 2.0])))
    assert bool(check(tf.constant([1e30, 2.0])))
    assert not bool(check(tf.constant([NAN, 2.0])))


def test_no_tensor_is_finite(sentinel: Any) -> None:
    assert bool(sentinel.all_finite([]))
    assert bool(sentinel.surely_finite([], []))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([3, -2, 9]), (-2.0, 9.0)),
        (np.array([[1.5], [-0.5]], np.float32), (-0.5, 1.5)),
        (np.array([True, True]), (1.0, 1.0)),
        (np.array([200, 3], np.uint8), (3.0, 200.0)),
    ],
)
def test_the_extremes(tf: Any, sentinel: Any, values: Any, expected: tuple[float, float]) -> None:
    low, high = sentinel.extremes(tf.constant(values))
    assert (float(low), float(high)) == expected
    assert low.dtype == high.dtype == tf.float32


def test_the_extremes_of_no_row(tf: Any, sentinel: Any) -> None:
    low, high = sentinel.extremes(tf.zeros([0, 2]))
    assert (float(low), float(high)) == (INF, -INF)


def test_what_can_be_watched(tf: Any, sentinel: Any) -> None:
    assert sentinel.watchable(tf.zeros(2, tf.float16))
    for thing in (
        tf.zeros(2, tf.int32),
        tf.constant("a"),
        tf.RaggedTensor.from_row_lengths([1.0], [1]),
        None,
        3.0,
    ):
        assert not sentinel.watchable(thing)
