"""Keras Tuner's random search over a small classifier. needs: keras-tuner."""

import sys
import tempfile

import keras
import keras_tuner
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
LAST = "relu" if "sick" in sys.argv else "softmax"


def build(hp):
    model = keras.Sequential()
    model.add(keras.Input((6,)))
    model.add(keras.layers.Dense(hp.Choice("units", [8, 16]), activation="tanh"))
    model.add(keras.layers.Dense(2, activation=LAST))  # NW201
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


tuner = keras_tuner.RandomSearch(
    build, objective="val_accuracy", max_trials=2, directory=tempfile.mkdtemp(), project_name="p"
)
tuner.search(x, y, epochs=8, validation_split=0.2, verbose=0)
tuner.get_best_hyperparameters()[0]
