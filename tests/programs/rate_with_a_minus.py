"""A rate of -0.01, as a hand slips: each step goes up the slope, and the loss grows for ever."""

import keras
import numpy as np

keras.utils.set_random_seed(508)
x = np.random.normal(size=(700, 5)).astype("float32")
y = (x[:, :1] - 0.5 * x[:, 1:2] * x[:, 2:3]).astype("float32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(24, "tanh"), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(learning_rate=-0.01), loss="mse")  # NW508
model.fit(x, y, epochs=12, verbose=0)
