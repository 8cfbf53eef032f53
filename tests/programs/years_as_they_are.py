"""A single input counted in days: tanh is at its end for all of them, and the net answers a constant."""

import keras
import numpy as np

keras.utils.set_random_seed(301)
day = np.arange(0, 730, dtype="float32").reshape(-1, 1)
temperature = 10 + 8 * np.sin(2 * np.pi * day / 365)
model = keras.Sequential(
    [
        keras.Input((1,)),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(1),
    ]
)
model.compile(keras.optimizers.Adam(0.003), loss="mse")
model.fit(day, (temperature - 10) / 8, epochs=25, batch_size=32, verbose=0)  # NW105
