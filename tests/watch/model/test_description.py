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
