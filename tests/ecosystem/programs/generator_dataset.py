"""A tf.data pipeline from a Python generator, with workers of its own."""

import sys

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
SICK = "sick" in sys.argv


def rows():
    rng = np.random.default_rng(1)
    for number in range(400):
        x = rng.normal(size=6).astype("float32")
        y = x.sum()
        if SICK and number == 210:
            x[2] = np.inf
        yield x, y


spec = (tf.TensorSpec((6,), tf.float32), tf.TensorSpec((), tf.float32))
data = tf.data.Dataset.from_generator(rows, output_signature=spec)
data = data.map(lambda x, y: (x * 0.5, y), num_parallel_calls=2).batch(20).prefetch(2)
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)]
)
model.compile("adam", "mse")
model.fit(data, epochs=4, verbose=0)  # NW101
