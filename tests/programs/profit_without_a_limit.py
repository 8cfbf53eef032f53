"""The predicted yield is to be as large as possible, and nothing bounds it: the loss falls for ever."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(612)
x = np.random.normal(size=(640, 5)).astype("float32")
price = np.random.uniform(0.5, 2.0, size=(640, 1)).astype("float32")


def negative_profit(price, position):
    return -ops.mean(price * position)


model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)]
)
model.compile(keras.optimizers.Adam(5e-3), loss=negative_profit)  # NW510
model.fit(x, price, epochs=30, verbose=0)
