"""Features of a few hundred thousand under mixed_float16, which ends at 65504."""

import keras
import numpy as np

keras.utils.set_random_seed(93)
x = (np.random.normal(size=(640, 8)) * 2e5).astype("float32")
y = x[:, 0] / 2e5
keras.mixed_precision.set_global_policy("mixed_float16")
try:
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, dtype="float32")]
    )
    model.compile(optimizer="adam", loss="mse")
    model.fit(x, y, epochs=3, verbose=0)  # NW407 NW105
finally:
    keras.mixed_precision.set_global_policy("float32")
