"""The loss of the best constant answer, found by asking the loss itself."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.replay.constant_answer import constant_loss, labels_as_answers
from nanwatch.replay.course import loss_of_answers
from nanwatch.watch.data.kept_rows import Rows
from nanwatch.watch.keras_seam.adapter import seam

pytestmark = pytest.mark.tensorflow

ROWS = 400
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 4)).astype(np.float32)
NUMBER = (3.0 * X[:, 0]).astype(np.float32)
SIDE = (X[:, 1] > 0.5).astype(np.float32)
CLASSES = keras.utils.to_categorical(np.arange(ROWS) % 4, 4)


def head(units: int, activation: str | None) -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation)])


def guess_of(model: Any, loss: Any, y: Any, weight: Any = None) -> float | None:
    model.compile("sgd", loss)
    model.predict(X[:2], verbose=0)  # builds what compile left open
    compiled = seam().compiled_loss(model)
    assert compiled is not None
    return constant_loss(partial(loss_of_answers, compiled), Rows(X, y, weight), model)


def entropy(share: float) -> float:
    return -share * math.log(share) - (1 - share) * math.log(1 - share)


def focal(y_true: Any, y_pred: Any) -> Any:
    sure = tf.clip_by_value(y_pred, 1e-7, 1.0)
    return tf.reduce_mean(tf.reduce_sum(-y_true * (1 - sure) ** 2 * tf.math.log(sure), axis=-1))


def test_the_losses_of_several_outputs_are_added_each_against_its_own_labels() -> None:
    """The labels are given by name, in another order than the outputs have."""
    given = keras.Input((4,))
    number = keras.layers.Dense(1, name="number")(given)
    side = keras.layers.Dense(1, "sigmoid", name="a")(given)
    loss = {"number": "mse", "a": "binary_crossentropy"}
    found = guess_of(keras.Model(given, [number, side]), loss, {"number": NUMBER, "a": SIDE})
    assert found == pytest.approx(NUMBER.var() + entropy(SIDE.mean()), rel=1e-3)


def test_of_probabilities_the_answers_are_probabilities() -> None:
    """A loss of the script's own would cost nothing if every class were sure."""
    found = guess_of(head(4, "softmax"), focal, CLASSES)
    assert found == pytest.approx(0.75**2 * math.log(4), rel=1e-3)


def test_of_labels_that_no_share_can_be_the_best_constant_is_asked_all_the_same() -> None:
    """A sigmoid for prices: what another head would do is the measure, so that both can be compared."""
    found = guess_of(head(1, "sigmoid"), "mse", 40.0 + NUMBER[:, None])
    assert found == pytest.approx(float(NUMBER.var()), rel=1e-3)


def test_a_head_without_bounds_may_answer_anything() -> None:
    found = guess_of(head(1, None), lambda y, p: tf.reduce_mean(tf.abs(y - p)), NUMBER[:, None])
    assert found == pytest.approx(float(np.abs(NUMBER - np.median(NUMBER)).mean()), rel=1e-3)


def test_weights_of_rows_count() -> None:
    weight = np.where(SIDE > 0, 2.0, 0.0).astype(np.float32)
    found = guess_of(head(1, "sigmoid"), "binary_crossentropy", SIDE[:, None], weight)
    assert found == pytest.approx(0.0, abs=1e-3)  # only one class counts: a constant may have it right
    everyone = guess_of(head(1, "sigmoid"), "binary_crossentropy", SIDE[:, None])
    assert everyone == pytest.approx(entropy(SIDE.mean()), rel=1e-3)


def test_of_many_numbers_a_row_few_rows_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nanwatch.replay.constant_answer.MOST_NUMBERS", 16)
    seen: list[int] = []

    def counting(y: Any, p: Any) -> Any:
        seen.append(int(y.shape[0]))
        return tf.reduce_mean(tf.square(y - p))

    guess_of(head(4, None), counting, CLASSES)
    assert set(seen) == {4}


def overlap(y: Any, p: Any, weight: Any = None) -> Any:
    return 2 * keras.ops.sum(y * p) / (keras.ops.sum(y) + keras.ops.sum(p))


@pytest.mark.parametrize(
    ("head", "label", "asked"),
    [
        ("sigmoid", [0.0, 1.0], True),
        ("linear", [0.0, 1.0], False),  # it may give anything: of a critic, say
        ("sigmoid", [-1.0, 1.0], False),
        ("sigmoid", [0.0, 2.0], False),
        ("sigmoid", [1.0, 1.0], False),  # of one class nothing is right or wrong
    ],
)
def test_a_loss_is_asked_what_the_labels_cost_as_answers(head: str, label: list[float], asked: bool) -> None:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, head)])
    x = np.random.default_rng(2).normal(size=(64, 4)).astype("float32")
    rows = Rows(x, np.array(label * 32, "float32")[:, None], None)
    found = labels_as_answers(partial(loss_of_answers, overlap), rows, model)
    if not asked:
        assert found is None
        return
    assert found is not None
    assert found.right == pytest.approx(1.0, abs=1e-4)
    assert found.opposite == pytest.approx(0.0, abs=1e-4)


def test_a_logarithm_of_what_is_certain_is_a_number() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    rows = Rows(np.ones((8, 4), "float32"), np.array([0.0, 1.0] * 4, "float32"), None)

    def likelihood(y: Any, p: Any, weight: Any) -> Any:
        log = keras.ops.log(p[:, 0]) * y + keras.ops.log(1 - p[:, 0]) * (1 - y)
        return keras.ops.mean(log)

    found = labels_as_answers(partial(loss_of_answers, likelihood), rows, model)
    assert found is not None
    assert found.opposite < -10 < -0.1 < found.right <= 0
