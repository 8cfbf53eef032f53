"""What a model says of itself: what its layers were adapted to."""

import keras
import numpy as np
import pytest

from nanwatch.record.facts import AdaptedInfo
from nanwatch.watch.model.description import MOST_COLUMNS, describe

pytestmark = pytest.mark.tensorflow


def adapted_of(layer: keras.layers.Layer, width: int) -> AdaptedInfo | None:
    model = keras.Sequential([keras.Input((width,)), layer, keras.layers.Dense(1)])
    return describe(model).layers[0].adapted


def test_what_a_normalization_was_adapted_to() -> None:
    rows = np.array([[1.0, 5.0], [3.0, 5.0]], "float32")
    layer = keras.layers.Normalization()
    layer.adapt(rows)
    assert adapted_of(layer, 2) == AdaptedInfo((2.0, 5.0), (1.0, 0.0))


def test_statistics_that_were_given() -> None:
    assert adapted_of(keras.layers.Normalization(mean=[2.0, 0.0], variance=[4.0, 1.0]), 2) == AdaptedInfo(
        (2.0, 0.0), (4.0, 1.0)
    )


def test_none_where_there_are_none_or_too_many() -> None:
    wide = keras.layers.Normalization()
    wide.adapt(np.random.RandomState(0).randn(8, MOST_COLUMNS + 1))
    assert adapted_of(wide, MOST_COLUMNS + 1) is None
    assert describe(keras.Sequential([keras.layers.Normalization()])).layers[0].adapted is None


class Own(keras.layers.Layer):
    """``call`` is the script's own, as are the names of its variables."""

    def __init__(self, initializer: str, width: int = 3, trainable: bool = True) -> None:
        super().__init__()
        self.start, self.width, self.can_learn = initializer, width, trainable

    def build(self, shape: tuple[int, ...]) -> None:
        self.shift = self.add_weight(shape=(self.width,), initializer="zeros")
        self.table = self.add_weight(
            shape=(shape[-1], self.width), initializer=self.start, trainable=self.can_learn
        )

    def call(self, inputs: object) -> object:
        return keras.ops.matmul(inputs, self.table) + self.shift


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        (Own("zeros"), 0.0),
        (Own("ones"), 1.0),
        (Own("glorot_uniform"), None),
        (Own("zeros", trainable=False), None),  # a table that is not learned may well be of one value
        (keras.layers.LayerNormalization(axis=(1, 2)), None),  # Keras knows what it does
        (keras.layers.Dense(3, kernel_initializer="zeros"), None),  # its initializer has a name
    ],
    ids=["zeros", "ones", "drawn", "frozen", "of Keras", "Dense"],
)
def test_the_one_value_of_a_matrix(layer: keras.layers.Layer, value: float | None) -> None:
    shape = (4, 2) if isinstance(layer, keras.layers.LayerNormalization) else (2,)
    model = keras.Sequential([keras.Input(shape), layer])
    assert describe(model).layers[0].begins_as == value


def test_a_matrix_of_one_element_tells_nothing() -> None:
    model = keras.Sequential([keras.Input((1,)), Own("zeros", width=1)])
    assert describe(model).layers[0].begins_as is None
