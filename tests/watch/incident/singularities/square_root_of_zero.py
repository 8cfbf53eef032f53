"""Square root of zero."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]
x[70] = 0


class D(layers.Layer):
    def call(self, x):
        s = tf.reduce_sum(tf.square(x), -1, keepdims=True)
        return tf.sqrt(s)  # op: SqrtGrad backward


m = keras.Sequential([keras.Input((8,)), layers.Dense(8, use_bias=False), D(), layers.Dense(1)])
m.compile("sgd", "mse")
m.fit(x, y, shuffle=False, verbose=0)
