"""A small rate and twelve epochs: the loss still falls by the same share when the training ends."""

import keras
import numpy as np

keras.utils.set_random_seed(509)
x = np.random.normal(size=(960, 6)).astype("float32")
y = (x @ np.array([1.0, -0.5, 0.2, 0.7, 0.0, -1.2]))[:, None].astype("float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(1.5e-3), "mse")
model.fit(x, y, epochs=12, verbose=0)  # NW509
