"""Log of zero."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]


def loss(t, p):
    q = tf.nn.softmax(p * 1000.0)
    return -tf.reduce_mean(tf.math.log(q) * t)  # op: Log forward


m = keras.Sequential([keras.Input((8,)), layers.Dense(4)])
m.compile("sgd", loss)
m.fit(x, y, shuffle=False, verbose=0)
