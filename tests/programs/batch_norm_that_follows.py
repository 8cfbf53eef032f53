"""Batch normalisation with statistics that have followed, validated on the training rows."""

import keras
import numpy as np

keras.utils.set_random_seed(223)
x = np.random.normal(4.0, 3.0, (640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 8).astype("float32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(32, activation="relu")])
model.add(keras.layers.BatchNormalization(momentum=0.9))
model.add(keras.layers.Dropout(0.3))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, validation_data=(x, y), verbose=0)
