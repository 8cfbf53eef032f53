"""A test that trains, run by pytest from within. needs: pytest."""

import os
import sys

import pytest


def test_training():
    import keras
    import numpy as np

    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(256, 6)).astype("float32")
    y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
    last = "relu" if os.environ.get("STATE") == "sick" else "softmax"
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(2, activation=last))  # NW201
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, verbose=0)


if __name__ == "__main__":
    os.environ["STATE"] = "sick" if "sick" in sys.argv else "well"
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", __file__]))
