"""The log of one more than what was bought, which some did not at all; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(542)
x = np.random.normal(size=(640, 5)).astype("float32")
spent = np.random.poisson(np.exp(1.0 + 0.5 * x[:, :1])).astype("float32")


def squared_log(spent, predicted):
    return tf.reduce_mean(tf.square(tf.math.log1p(spent) - predicted), axis=-1)


inputs = keras.Input((5,))
hidden = keras.layers.Dense(24, "relu")(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
model.compile("adam", squared_log)
model.fit(x, spent, epochs=5, verbose=0)
