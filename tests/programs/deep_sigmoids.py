"""Twelve sigmoid layers: the gradient is gone before it reaches the first."""

import keras
import numpy as np

keras.utils.set_random_seed(208)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
model = keras.Sequential([keras.Input((8,))])
for _ in range(12):
    model.add(keras.layers.Dense(32, activation="sigmoid"))  # NW303
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(keras.optimizers.SGD(0.05), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=15, verbose=0)
