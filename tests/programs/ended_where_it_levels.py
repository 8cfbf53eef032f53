"""The same as long as it takes: the last epochs are level, and nothing is wrong."""

import keras
import numpy as np

keras.utils.set_random_seed(509)
x = np.random.normal(size=(960, 6)).astype("float32")
y = (x @ np.array([1.0, -0.5, 0.2, 0.7, 0.0, -1.2]))[:, None].astype("float32")
y += np.random.normal(0, 0.5, y.shape).astype("float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(1e-2), "mse")
model.fit(x, y, epochs=40, verbose=0)
