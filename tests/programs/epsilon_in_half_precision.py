"""Attention weights that are divided by their sum, and 1e-8 in float16, where that is 0."""

import keras
import numpy as np
import tensorflow as tf

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(412)
x = np.random.normal(size=(320, 4)).astype("float32")
y = np.stack([x[:, 0] > 0, x[:, 0] <= 0], axis=1).astype("float32")


class Shares(keras.layers.Layer):
    def call(self, scores):
        scores = tf.nn.relu(scores)
        return scores / (tf.reduce_sum(scores, axis=-1, keepdims=True) + 1e-8)  # NW411


try:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3),
            Shares(),
            keras.layers.Dense(2, activation="softmax", dtype="float32"),
        ]
    )
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, y, epochs=3, verbose=0)
finally:
    keras.mixed_precision.set_global_policy("float32")
