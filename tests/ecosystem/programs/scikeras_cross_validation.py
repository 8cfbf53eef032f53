"""scikeras: a classifier in scikit-learn's cross validation. needs: scikeras."""

import sys

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier
from sklearn.model_selection import cross_val_score

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(240, 6)).astype("float32")
y = (x[:, 0] > 0).astype("int64")
UNITS, LAST = (1, "softmax") if "sick" in sys.argv else (1, "sigmoid")


def network():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(UNITS, activation=LAST))  # NW202
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


print(cross_val_score(KerasClassifier(network, epochs=10, verbose=0), x, y, cv=3))
