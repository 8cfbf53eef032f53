"""Op by op 0 / 0 is taken for 0 in the slope of a root at 0; as XLA compiles it, it is NaN."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
x = np.random.normal(size=(64, 4)).astype("float32")
x[::3] = 0.0
y = np.random.normal(size=(64, 1)).astype("float32")


def unit(rows):
    lengths = tf.sqrt(tf.reduce_sum(tf.square(rows), -1, keepdims=True))  # op: SqrtGrad backward
    return rows / (lengths + 1e-6)


dense = keras.layers.Dense
model = keras.Sequential([keras.Input((4,)), dense(6, use_bias=False), keras.layers.Lambda(unit), dense(1)])
model.compile("adam", "mse", jit_compile=True)
model.fit(x, y, verbose=0)
