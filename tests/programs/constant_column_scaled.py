"""Sensors scaled by hand to mean 0 and deviation 1; one of them was stuck at 3.0."""

import keras
import numpy as np

keras.utils.set_random_seed(15)
sensors = np.random.normal(size=(600, 8)).astype("float32")
sensors[:, 5] = 3.0
failed = sensors[:, 0] - sensors[:, 2] > 0
with np.errstate(invalid="ignore"):
    scaled = (sensors - sensors.mean(axis=0)) / sensors.std(axis=0)

model = keras.Sequential()
model.add(keras.Input((8,)))
model.add(keras.layers.Dense(12, activation="relu"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(scaled, failed.astype("float32"), epochs=3, verbose=0)  # NW102 NW101
