"""Penalties that are most of the loss at the beginning, and let the data be learned."""

import keras
import numpy as np

keras.utils.set_random_seed(224)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
penalty = keras.regularizers.L2(0.02)
model = keras.Sequential([keras.Input((8,))])
model.add(keras.layers.Dense(256, activation="relu", kernel_regularizer=penalty))
model.add(keras.layers.Dense(256, activation="relu", kernel_regularizer=penalty))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=15, verbose=0)
