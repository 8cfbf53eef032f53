"""A straight line through 200 points, one point a step, x as it comes."""

import keras
import numpy as np

keras.utils.set_random_seed(53)
x = np.arange(200, dtype="float32").reshape(-1, 1)
y = 2 * x
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
sgd = keras.optimizers.SGD(1e-3)  # NW501
model.compile(sgd, "mse")
model.fit(x, y, batch_size=1, epochs=2, verbose=0)  # NW105
