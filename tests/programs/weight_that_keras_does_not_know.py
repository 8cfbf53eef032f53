"""A projection whose weight is a tf.Variable: a Keras 3 layer does not know it, and nobody trains it."""

import keras
import numpy as np
import tensorflow as tf


class Projection(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.w = tf.Variable(0.01 * tf.random.normal((shape[-1], self.units)))  # NW309

    def call(self, x):
        return tf.nn.relu(tf.matmul(x, self.w))


keras.utils.set_random_seed(404)
rng = np.random.RandomState(404)
x = rng.randn(1600, 20).astype("float32")
y = (np.abs(x[:, 0]) > np.abs(x[:, 1])).astype("float32")
model = keras.Sequential([keras.Input((20,)), Projection(16), keras.layers.Dense(1, activation="sigmoid")])
model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
