"""Counts under a Poisson loss, and predictions that may fall below 0."""

import keras
import numpy as np

keras.utils.set_random_seed(92)
x = np.random.normal(size=(600, 5)).astype("float32")
counts = np.random.poisson(np.exp(0.2 + 0.6 * x[:, 0])).astype("float32")
model = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(16, activation="tanh"),
        keras.layers.Dense(1),  # NW208
    ]
)
model.compile(optimizer="adam", loss="poisson", metrics=["mse"])  # NW208
model.fit(x, counts, epochs=4, verbose=0)
