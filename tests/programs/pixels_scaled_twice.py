"""Pixels divided by 255, before a model that divides them once more."""

import keras
import numpy as np

keras.utils.set_random_seed(225)
y = np.random.randint(0, 2, 400)
x = np.random.randint(0, 200, (400, 10, 10, 1)).astype("float32")
x[y == 1, 2:6, 2:6] += 55
model = keras.Sequential([keras.Input((10, 10, 1)), keras.layers.Rescaling(1 / 255)])
model.add(keras.layers.Conv2D(8, 3, activation="relu"))
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(keras.optimizers.SGD(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x / 255, y, epochs=10, verbose=0)  # NW116
