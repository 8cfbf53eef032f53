"""A relu as the last activation of a binary classifier: it learns, but badly."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(29)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
model = keras.Sequential()
model.add(keras.Input((8,)))
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(1, activation="relu"))  # NW201
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)
