"""Power below one."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]


def loss(t, p):
    e = tf.abs(p - t)
    return tf.reduce_mean(tf.pow(e, 0.5))  # op: Pow backward


x[70] = 0
y[70] = 0
m = keras.Sequential([keras.Input((8,)), layers.Dense(1, use_bias=False)])
m.compile("sgd", loss)
m.fit(x, y, shuffle=False, verbose=0)
