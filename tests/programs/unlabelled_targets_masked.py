"""Missing answers are NaN, and the loss leaves them out before it computes. It trains."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(99)
x = np.random.normal(size=(480, 6)).astype("float32")
y = np.stack([x[:, 0] - x[:, 1], x[:, 2]], axis=1)
y[np.random.uniform(size=y.shape) < 0.2] = np.nan


def masked_mse(y, prediction):
    there = ops.logical_not(ops.isnan(y))
    error = ops.where(there, ops.where(there, y, 0.0) - prediction, 0.0)
    return ops.sum(ops.square(error), axis=-1)


model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(2)])
model.compile(keras.optimizers.Adam(3e-3), loss=masked_mse)
model.fit(x, y, epochs=10, verbose=0)
