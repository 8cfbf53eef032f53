"""Logs of positive numbers alone: the other side of `where` is made safe first. Nothing is wrong."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(98)
x = np.random.normal(size=(400, 5)).astype("float32")
y = np.where(x[:, 0] > 0, np.log1p(np.abs(x[:, 0])), 0).astype("float32")


class SafeLog(keras.layers.Layer):
    def call(self, x):
        return ops.where(x > 0, ops.log(ops.where(x > 0, x, 1.0) + 1.0), 0.0)


model = keras.Sequential(
    [keras.Input((5,)), SafeLog(), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
)
model.compile(keras.optimizers.Adam(5e-3), "mse")
model.fit(x, y, epochs=10, verbose=0)
