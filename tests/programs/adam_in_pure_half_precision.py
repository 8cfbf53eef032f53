"""The policy float16, not mixed, and Adam with an epsilon of 1e-8: a step of a small gradient is 0/0."""

import keras
import numpy as np

keras.mixed_precision.set_global_policy("float16")
keras.utils.set_random_seed(413)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (0.5 * x[:, :1] + 0.1 * np.random.normal(size=(640, 1))).astype("float32")
try:
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-8),  # NW411
        loss="mse",
    )
    model.fit(x, y, epochs=5, verbose=0)
finally:
    keras.mixed_precision.set_global_policy("float32")
