"""Counts under a Poisson loss with an exponential head."""

import keras
import numpy as np

keras.utils.set_random_seed(83)
x = np.random.normal(size=(600, 5)).astype("float32")
counts = np.random.poisson(np.exp(0.5 + 0.4 * x[:, 0])).astype("float32")
model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, activation="exponential")]
)
model.compile(optimizer="adam", loss="poisson", metrics=["mse"])
model.fit(x, counts, epochs=12, verbose=0)
