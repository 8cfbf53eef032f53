"""A mask of -inf that leaves nothing of some rows: such inputs of a softmax are infinite, as they may be."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
x = np.random.normal(size=(128, 5)).astype("float32")
keep = np.random.uniform(size=(128, 5)) > 0.5
keep[:64, 0], keep[80] = True, False
y = np.random.normal(size=(128, 1)).astype("float32")


class Attention(keras.layers.Layer):
    def call(self, rows, keep):
        scores = tf.where(keep, rows, float("-inf"))
        return tf.nn.softmax(scores) * rows  # op: Softmax forward


rows, kept = keras.Input((5,)), keras.Input((5,), dtype="bool")
hidden = Attention()(keras.layers.Dense(5)(rows), kept)
model = keras.Model([rows, kept], keras.layers.Dense(1)(hidden))
model.compile("adam", "mse")
model.fit([x, keep], y, shuffle=False, verbose=0)
