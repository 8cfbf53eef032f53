"""The sine of the angle between a vector and its target, as 1 - cos^2: of two that agree it is 0 or below."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(541)
x = np.random.normal(size=(320, 3)).astype("float32")


def sine(target, found):
    likeness = tf.reduce_sum(
        tf.math.l2_normalize(target, axis=1) * tf.math.l2_normalize(found, axis=1), axis=1
    )
    return tf.reduce_mean(tf.sqrt(1.0 - tf.square(likeness) + 1e-12))  # NW401


model = keras.Sequential(
    [keras.Input((3,)), keras.layers.Dense(3, use_bias=False, kernel_initializer="identity")]
)
model.compile(keras.optimizers.Adam(1e-3), sine)
model.fit(x, x, epochs=2, verbose=0)
