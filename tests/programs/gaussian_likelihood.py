"""Mean and deviation from one network; a narrow density has a negative log-likelihood below 0."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(67)
x = np.random.uniform(-1, 1, size=(600, 1)).astype("float32")
y = 0.5 * x + np.random.normal(0, 0.02, size=(600, 1)).astype("float32")


def negative_log_likelihood(y, parameters):
    mean, log_deviation = parameters[:, :1], parameters[:, 1:]
    return ops.mean(log_deviation + 0.5 * ops.square((y - mean) / ops.exp(log_deviation)))


model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(2)])
model.compile(optimizer=keras.optimizers.Adam(5e-3), loss=negative_log_likelihood)
model.fit(x, y, epochs=25, verbose=0)
