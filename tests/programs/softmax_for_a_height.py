"""Ten units with softmax for one number: the mean of a height in every column, and no more."""

import keras
import numpy as np

keras.utils.set_random_seed(310)
x = np.random.normal(size=(700, 4)).astype("float32")
height = (1.7 + 0.1 * x[:, 0] + 0.05 * x[:, 1]).astype("float32").reshape(-1, 1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(16, activation="relu")])
model.add(keras.layers.Dense(10, activation="softmax"))  # NW203
model.compile("adam", loss="mse")
model.fit(x, height, epochs=12, verbose=0)
