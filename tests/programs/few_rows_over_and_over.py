"""Twelve rows in threes through tf.data, the same four batches again and again; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(114)
x = np.array([[a, b, a * b] for a in (0, 1, 2) for b in (0, 1, 2, 3)], "float32") / 3.0
y = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], "float32")
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(3)
model = keras.Sequential(
    [keras.Input((3,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1, activation="sigmoid")]
)
model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=40, verbose=0)
