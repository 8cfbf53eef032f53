"""What lies in memory anyway is watched in the step; what does not is computed once more to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from nanwatch.watch.train_step.materialised import copies_of, is_materialised
from tests.watch.model_kinds import BATCH, classes, table
from tests.watch.training import only_run, watch_in

pytestmark = pytest.mark.tensorflow


def decided(last: str) -> dict[str, bool]:
    """By op type, of a product with its bias and what follows it."""
    weights = tf.Variable(tf.ones([8, 4]))
    found: dict[str, bool] = {}

    @tf.function
    def run(x: Any) -> Any:
        product = tf.matmul(x, weights)
        biased = tf.nn.bias_add(product, tf.ones([4]))
        ends = {
            "tanh": lambda: tf.tanh(biased),
            "sum": lambda: biased + x[:, :4],
            "used twice": lambda: tf.tanh(biased) * biased,
            "matmul": lambda: tf.matmul(biased, weights, transpose_b=True),
            "reshape": lambda: tf.tanh(tf.reshape(biased, [-1])),
            "nothing": lambda: biased,
        }
        result = ends[last]()
        found.update({"product": is_materialised(product), "biased": is_materialised(biased)})
        found["argument"] = is_materialised(x)
        return result

    run.get_concrete_function(tf.TensorSpec([None, 8]))
    return found


@pytest.mark.parametrize(
    ("last", "is_kept"),
    [
        ("tanh", False),
        ("sum", False),
        ("used twice", True),
        ("matmul", True),
        ("reshape", True),
        ("nothing", True),
    ],
)
def test_what_one_op_alone_consumes_may_be_fused_into_it(last: str, is_kept: bool) -> None:
    assert decided(last) == {"product": False, "biased": is_kept, "argument": True}


def test_eager_tensors_are_all_there() -> None:
    assert is_materialised(tf.ones([2]))


def test_a_copy_is_the_same_and_leaves_the_original_alone() -> None:
    weights = tf.Variable(tf.random.normal([8, 4], seed=1))

    @tf.function
    def run(x: Any, wanted: Any) -> Any:
        product = tf.matmul(x, weights)
        biased = tf.nn.bias_add(product, tf.ones([4]))
        result = tf.tanh(biased)
        weights.assign(tf.zeros([8, 4]))  # the copy is of what was before
        seen = tf.cond(wanted, lambda: copies_of([product, biased])[1], lambda: tf.zeros([1, 4]))
        assert [op.type for op in biased.consumers()] == ["Tanh"]
        assert copies_of([result])[0] is result
        return seen, result

    x = tf.random.normal([3, 8], seed=2)
    before = weights.numpy()
    seen, result = run(x, tf.constant(True))
    np.testing.assert_allclose(seen, x.numpy() @ before + 1.0, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(result, np.tanh(seen), rtol=1e-5, atol=1e-6)


def test_a_fused_layer_is_seen_in_looks(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    dense = layers.Dense(16, name="before")
    model = keras.Sequential(
        [keras.Input((8,)), dense, layers.Activation("tanh", name="after"), layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy")
    kernel = dense.kernel.numpy()
    model.fit(table(), classes(), batch_size=BATCH, shuffle=False, verbose=0, callbacks=[watch_in(tmp_path)])
    run = only_run(tmp_path)
    (fit,) = run.fits
    assert run.info.errors == ()
    assert fit.info.not_watched == ()
    assert fit.steps.paths("activation", "l2_norm") == ["after", model.layers[-1].path]
    step, norm = fit.health.values("activation", dense.path, "l2_norm")[0]
    assert step == 0
    assert norm == pytest.approx(np.linalg.norm(table()[:BATCH] @ kernel), rel=1e-4)
