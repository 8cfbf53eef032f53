"""A rate that loses the same each epoch, written for ten epochs and trained for thirty: it ends below 0."""

import keras
import numpy as np

keras.utils.set_random_seed(511)
x = np.random.normal(size=(640, 6)).astype("float32")
y = (x[:, 0] + x[:, 1] ** 2).astype("float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.02), "mse")  # NW508
fall = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.02 - 0.002 * epoch)
model.fit(x, y, epochs=30, callbacks=[fall], verbose=0)
