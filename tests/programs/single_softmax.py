"""A binary classifier whose one unit has a softmax."""

import keras
import numpy as np

keras.utils.set_random_seed(31)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
inputs = keras.Input((8,))
h = keras.layers.Dense(16, activation="relu")(inputs)
h = keras.layers.Dense(16, activation="relu")(h)
outputs = keras.layers.Dense(1, activation="softmax")(h)  # NW202
model = keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
