"""Poisson on linear."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]
y = rng.poisson(2, (320, 1)).astype("float32")
m = keras.Sequential([keras.Input((8,)), layers.Dense(16, "relu"), layers.Dense(1)])
m.compile("adam", "poisson")  # op: Log forward
m.fit(x, y, shuffle=False, verbose=0)
