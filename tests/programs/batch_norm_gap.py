"""Batch statistics that the moving averages have hardly followed: good in training, bad outside."""

import keras
import numpy as np

keras.utils.set_random_seed(211)
x = np.random.normal(4.0, 3.0, (640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 8).astype("float32")
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.9999),  # NW308
        keras.layers.Dense(32, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.9999),  # NW308
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, validation_data=(x, y), verbose=0)
