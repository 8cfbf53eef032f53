"""Three shares, each by itself between 0 and 1, from a softmax, whose units sum to 1."""

import keras
import numpy as np

keras.utils.set_random_seed(203)
x = np.random.normal(size=(640, 6)).astype("float32")
raw = np.stack([x[:, 0], x[:, 1] + x[:, 2], -x[:, 3]], axis=1)
shares = (1.0 / (1.0 + np.exp(-raw))).astype("float32")
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(3, activation="softmax"),  # NW203
    ]
)
model.compile(optimizer="adam", loss="mse")
model.fit(x, shares, epochs=15, verbose=0)
