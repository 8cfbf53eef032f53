"""A softmax over one unit and a feature in the ten thousands: mending one alone shows nothing."""

import keras
import numpy as np

keras.utils.set_random_seed(33)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
x[:, 7] *= 5e4
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="softmax"),  # NW202
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)  # NW105
