"""Quiet loss scaling."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]
keras.mixed_precision.set_global_policy("mixed_float16")
m = keras.Sequential([keras.Input((8,)), layers.Dense(64, "relu"), layers.Dense(1, dtype="float32")])
m.compile(keras.mixed_precision.LossScaleOptimizer(keras.optimizers.Adam(), initial_scale=2.0**40), "mse")
m.fit(x, y * 100, epochs=4, shuffle=False, verbose=0)
keras.mixed_precision.set_global_policy("float32")
