"""Three parts of a whole, rounded to two digits, from a softmax under mse; nothing is wrong."""

import keras
import numpy as np

keras.utils.set_random_seed(204)
x = np.random.normal(size=(640, 6)).astype("float32")
raw = np.exp(np.stack([x[:, 0], x[:, 1] + x[:, 2], -x[:, 3]], axis=1))
parts = np.round(raw / raw.sum(axis=1, keepdims=True), 2).astype("float32")
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="mse")
model.fit(x, parts, epochs=15, verbose=0)
