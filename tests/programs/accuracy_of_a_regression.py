"""A regression that counts how often it hits the number exactly: never. It trains well."""

import keras
import numpy as np

keras.utils.set_random_seed(45)
x = np.random.normal(size=(640, 8)).astype("float32")
y = 2 * x[:, 0] + 0.3
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
)
model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
model.fit(x, y, epochs=15, verbose=0)
