"""Too large for half."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]
keras.mixed_precision.set_global_policy("mixed_float16")
x *= 2e5
m = keras.Sequential([keras.Input((8,)), layers.Dense(16, "relu"), layers.Dense(1, dtype="float32")])
m.compile("adam", "mse")
m.fit(x, y, shuffle=False, verbose=0)  # op: Cast forward
keras.mixed_precision.set_global_policy("float32")
