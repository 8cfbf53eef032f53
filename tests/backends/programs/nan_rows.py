"""Two rows of the inputs have a gap."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 20)).astype("float32")
y = x[:, :1] * 2.0
x[100, 3] = x[200, 7] = np.nan
model = keras.Sequential(
    [keras.layers.Input((20,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
)
model.compile(optimizer="adam", loss="mse")
model.fit(x, y, epochs=3, batch_size=32, verbose=0)  # NW101
