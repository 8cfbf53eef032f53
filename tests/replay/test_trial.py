"""Remedies on the frozen batch, with the model's own step: what was made of it, and that it is undone."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.replay.trial import try_interventions

pytestmark = pytest.mark.tensorflow
K = InterventionKind
RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(16, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


class Own(keras.Model):
    """A training step of its own."""

    def __init__(self, **facts: Any) -> None:
        super().__init__()
        self.head = keras.layers.Dense(1, activation="sigmoid", **facts)

    def call(self, x: Any) -> Any:
        return self.head(x)

    def train_step(self, data: Any) -> Any:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True), weight)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def model_of(**facts: Any) -> Any:
    keras.utils.set_random_seed(3)
    model = Own(**facts)
    model(X)
    model.compile(keras.optimizers.SGD(0.01), "binary_crossentropy")
    return model


def verdicts(model: Any, *data: Any, changes: list[Intervention]) -> list[str]:
    """Of ``changes`` those that could be made; the model is left as it was."""
    before = model.get_weights(), model.head.dtype_policy
    batch = tuple(None if part is None else tf.convert_to_tensor(part) for part in data)
    found = try_interventions(model, batch, changes)
    for value, was in zip(model.get_weights(), before[0], strict=True):
        np.testing.assert_array_equal(value, was)
    assert model.head.dtype_policy == before[1]
    return [trial.verdict for trial in found]


def with_value(array: Any, place: Any, value: float) -> Any:
    found = array.copy()
    found[place] = value
    return found


GAP = with_value(X, (3, 2), np.nan)
WEIGHT = with_value(np.ones(16, "float32"), 5, np.inf)


@pytest.mark.parametrize(
    ("data", "vain", "cure"),
    [
        ((GAP, Y), Intervention(K.IMPUTE_INPUT, "0", (1,)), Intervention(K.IMPUTE_INPUT, "0", (2,))),
        ((GAP, Y), Intervention(K.DROP_COLUMNS, "0", (1,)), Intervention(K.DROP_COLUMNS, "0", (2,))),
        ((GAP, Y), Intervention(K.DROP_ROWS, "input", (4,)), Intervention(K.DROP_ROWS, "input", (3,))),
        (
            (X, Y, WEIGHT),
            Intervention(K.IMPUTE_INPUT, "0", (1,)),
            Intervention(K.MEND_SAMPLE_WEIGHT, "0", (5,)),
        ),
    ],
)
def test_a_change_of_the_rows(data: Any, vain: Intervention, cure: Intervention) -> None:
    assert verdicts(model_of(), *data, changes=[vain, cure]) == ["not-cured", "cured"]


def test_a_sample_that_is_all_padding() -> None:
    tokens = RANDOM.integers(1, 5, size=(16, 4))
    tokens[2] = 0
    keras.utils.set_random_seed(3)
    pooled = [keras.layers.Embedding(9, 4, mask_zero=True), keras.layers.GlobalAveragePooling1D()]
    model: Any = keras.Sequential([keras.Input((4,)), *pooled, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.head = model.layers[-1]
    changes = [Intervention(K.DROP_ROWS, "input", (1,)), Intervention(K.KEEP_ONE_STEP, "pool")]
    assert verdicts(model, tokens, Y, changes=changes) == ["not-cured", "cured"]
    assert verdicts(model, tokens[:2], Y[:2], changes=changes[1:]) == []


def test_another_dtype() -> None:
    model = model_of(dtype="mixed_float16")
    wide = [Intervention(K.SET_DTYPE_POLICY, model.head.path, name) for name in ("mixed_bfloat16", "float16")]
    assert verdicts(model, X * 1e6, Y, changes=wide) == ["cured"]


def test_what_does_not_fit_is_left_out() -> None:
    odd = [
        Intervention(K.DROP_ROWS, "input", ()),
        Intervention(K.DROP_COLUMNS, "0", (9,)),
        Intervention(K.MAP_LABELS, "y"),
        Intervention(K.SET_CLASS_WEIGHT, "class_weight", ("1",)),
    ]
    assert verdicts(model_of(), GAP, Y, changes=odd) == []
