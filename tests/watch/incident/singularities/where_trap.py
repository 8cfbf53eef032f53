"""Where trap."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]
x[70] = 0


def loss(t, p):
    safe = tf.where(
        p > 0,
        tf.math.log(p),  # op: Reciprocal backward
        0.0 * p,
    )
    return tf.reduce_mean(safe * t + tf.square(p - t))


m = keras.Sequential(
    [keras.Input((8,)), layers.Dense(8, "relu", use_bias=False), layers.Dense(1, "relu", use_bias=False)]
)
m.compile("sgd", loss)
m.fit(x, y, shuffle=False, verbose=0)
