"""A Gaussian negative log-likelihood that goes below 0, and is meant to."""

import math

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(21)
rng = np.random.default_rng(21)

n = 2000
x = rng.uniform(-3, 3, (n, 1)).astype("float32")
sigma = 0.05 + 0.08 * np.abs(x)
y = (0.5 * np.sin(2 * x) + sigma * rng.normal(size=(n, 1))).astype("float32")
x_train, y_train, x_val, y_val = x[:1600], y[:1600], x[1600:], y[1600:]

MIN_SCALE = 1e-3


def gaussian_nll(y_true, y_pred):
    mu = y_pred[:, :1]
    scale = MIN_SCALE + ops.softplus(y_pred[:, 1:])
    z = (y_true - mu) / scale
    return ops.mean(0.5 * ops.square(z) + ops.log(scale) + 0.5 * math.log(2 * math.pi), axis=-1)


inputs = keras.Input((1,))
h = layers.Dense(64, activation="tanh")(inputs)
h = layers.Dense(64, activation="tanh")(h)
params = layers.Dense(2)(h)
model = keras.Model(inputs, params)
model.compile(optimizer=keras.optimizers.Adam(5e-3, clipnorm=5.0), loss=gaussian_nll)
model.fit(x_train, y_train, validation_data=(x_val, y_val), batch_size=64, epochs=35, verbose=0)

p = model.predict(x_val, verbose=0)
scale = MIN_SCALE + np.log1p(np.exp(p[:, 1:]))
inside = np.abs(y_val - p[:, :1]) < 1.96 * scale
