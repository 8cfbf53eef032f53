"""A momentum as PyTorch counts it, and a last batch of one row: the statistics left are that row's."""

import keras
import numpy as np

keras.utils.set_random_seed(2)
rng = np.random.default_rng(1)
x = rng.normal(4.0, 3.0, (641, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 8).astype("float32")
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.1),  # NW308
        keras.layers.Dense(32, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.1),  # NW308
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
