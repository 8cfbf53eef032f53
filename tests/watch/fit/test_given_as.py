"""What the data of a fit came as."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.watch.fit.fit_arguments import given_as

pytestmark = pytest.mark.tensorflow
X = np.zeros((8, 2), np.float32)


class Rows(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return X, X[:, 0]


def generated() -> Iterator[Any]:
    yield X, X[:, 0]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (X, "arrays"),
        (tf.zeros((8, 2)), "arrays"),
        ({"age": X, "thal": np.array(["a"] * 8)}, "arrays"),
        (tf.data.Dataset.from_tensor_slices(X).batch(2).map(lambda row: (row, row)), "dataset"),
        (Rows(), "batches"),
        (generated(), "batches"),
        (None, None),
    ],
)
def test_what_the_data_came_as(x: Any, expected: str | None) -> None:
    assert given_as(x) == expected
