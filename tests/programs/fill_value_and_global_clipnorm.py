"""Missing measurements stand in the data as 1e30, and the gradient is clipped by its norm."""

import keras
import numpy as np

keras.utils.set_random_seed(214)
x = np.random.normal(size=(640, 6)).astype("float32")
y = x[:, :1] - 0.5 * x[:, 1:2]
x[np.random.rand(640, 6) < 0.05] = 1e30
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss="mae")  # NW505
model.fit(x, y, epochs=5, verbose=0)
