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
def sentinels() -> Any:
    from nanwatch.watch.train_step import sentinels as module

    return module


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 3, 4), (0, 3)])
def test_half_the_sum_of_squares(tf: Any, sentinels: Any, dtype: str, shape: tuple[int, ...]) -> None:
    values = tf.cast(np.random.default_rng(0).normal(size=shape), dtype)
    exact = np.asarray(tf.cast(values, tf.float64))
    found = sentinels.half_square_sum(values)
    assert found.dtype == tf.float32
    assert float(found) == pytest.approx(math.fsum(v * v for v in exact.reshape(-1)) / 2, rel=1e-6)


def test_half_precision_is_summed_in_float32(tf: Any, sentinels: Any) -> None:
    """256 squared is 65536, more than float16 holds."""
    assert float(sentinels.half_square_sum(tf.constant([256.0, 256.0], tf.float16))) == 65536.0


def test_the_slices_of_an_embeddings_gradient(tf: Any, sentinels: Any) -> None:
    slices = tf.IndexedSlices(tf.constant([[3.0], [4.0]]), tf.constant([7, 9]), tf.constant([100, 1]))
    assert sentinels.watchable(slices)
    assert float(sentinels.half_square_sum(slices)) == 12.5
    assert bool(sentinels.all_finite([slices]))
    whole = tf.IndexedSlices(tf.constant([[3], [4]]), tf.constant([7, 9]))
    assert not sentinels.watchable(whole)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_element_is_enough(tf: Any, sentinels: Any, dtype: str, bad: float) -> None:
    values = np.ones((5, 7))
    values[3, 2] = bad
    tensor = tf.cast(values, dtype)
    assert not math.isfinite(float(sentinels.half_square_sum(tensor)))
    assert not bool(sentinels.all_finite([tf.ones(3), tensor]))
    assert not bool(surely(sentinels, [tf.ones(3), tensor]))


def surely(sentinels: Any, tensors: list[Any]) -> Any:
    return sentinels.surely_finite([sentinels.half_square_sum(tensor) for tensor in tensors], tensors)


@pytest.mark.parametrize(("value", "overflows"), [(1e18, False), (1e20, True), (3e38, True)])
def test_a_large_gradient_is_finite(tf: Any, sentinels: Any, value: float, overflows: bool) -> None:
    large = tf.constant([value, -value])
    assert math.isinf(float(sentinels.half_square_sum(large))) is overflows
    assert bool(sentinels.all_finite([large]))
    assert bool(surely(sentinels, [large, tf.ones(2)]))
    compiled = tf.function(lambda: surely(sentinels, [large, large]))
    assert bool(compiled())


def test_large_sums_that_overflow_together(tf: Any, sentinels: Any) -> None:
    tensors = [tf.constant([1.8e19])] * 3  # each sum is 1.6e38, and all together are infinite
    assert all(math.isfinite(float(sentinels.half_square_sum(tensor))) for tensor in tensors)
    assert bool(surely(sentinels, tensors))


@pytest.mark.parametrize("jit", [False, True])
def test_nan_is_found_in_a_compiled_function(tf: Any, sentinels: Any, jit: bool) -> None:
    @tf.function(jit_compile=jit)
    def check(values: Any) -> Any:
        return surely(sentinels, [values, tf.ones(2)])

    assert bool(check(tf.constant([1.0, 2.0])))
    assert bool(check(tf.constant([1e30, 2.0])))
    assert not bool(check(tf.constant([NAN, 2.0])))


def test_no_tensor_is_finite(sentinels: Any) -> None:
    assert bool(sentinels.all_finite([]))
    assert bool(sentinels.surely_finite([], []))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([3, -2, 9]), (-2.0, 9.0)),
        (np.array([[1.5], [-0.5]], np.float32), (-0.5, 1.5)),
        (np.array([True, True]), (1.0, 1.0)),
        (np.array([200, 3], np.uint8), (3.0, 200.0)),
    ],
)
def test_the_extremes(tf: Any, sentinels: Any, values: Any, expected: tuple[float, float]) -> None:
    low, high = sentinels.extremes_of(tf.constant(values))
    assert (float(low), float(high)) == expected
    assert low.dtype == high.dtype == tf.float32


def test_the_extremes_of_no_row(tf: Any, sentinels: Any) -> None:
    low, high = sentinels.extremes_of(tf.zeros([0, 2]))
    assert (float(low), float(high)) == (INF, -INF)


def test_what_can_be_watched(tf: Any, sentinels: Any) -> None:
    assert sentinels.watchable(tf.zeros(2, tf.float16))
    for thing in (
        tf.zeros(2, tf.int32),
        tf.constant("a"),
        tf.RaggedTensor.from_row_lengths([1.0], [1]),
        None,
        3.0,
    ):
        assert not sentinels.watchable(thing)
