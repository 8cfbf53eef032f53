"""A regression in which one answer was left empty; its row is dropped."""

import keras
import numpy as np

keras.utils.set_random_seed(16)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (2 * x[:, 0] - x[:, 3] + np.random.normal(0, 0.1, 640)).astype("float32")
y[77] = np.nan
x, y = x[np.isfinite(y)], y[np.isfinite(y)]

inputs = keras.Input((8,))
h = keras.layers.Dense(16, activation="relu")(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(h))
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
model.fit(x, y, epochs=8, verbose=0)
