"""Of each row the nearest of another kind that is further than its own kind: nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(312)
rng = np.random.default_rng(312)
centres = 1.2 * rng.normal(size=(12, 16))
kinds = rng.integers(0, 12, 1280)
rows = (centres[kinds] + rng.normal(size=(1280, 16))).astype("float32")
net = keras.Sequential(
    [keras.Input((16,)), layers.Dense(64, "relu"), layers.Dense(32), layers.UnitNormalization()]
)
optimizer = keras.optimizers.Adam(1e-3)


def semi_hard(vectors, kinds, margin=0.5):
    squared = tf.reduce_sum(tf.square(vectors[:, None] - vectors[None]), axis=-1)
    same = tf.cast(kinds[:, None] == kinds[None], tf.float32)
    positive = tf.reduce_sum(squared * same, axis=1) / tf.maximum(tf.reduce_sum(same, axis=1) - 1.0, 1.0)
    nearer = tf.cast(squared <= positive[:, None], tf.float32)
    negative = tf.reduce_min(squared + 1e6 * tf.maximum(same, nearer), axis=1)
    return tf.reduce_mean(tf.maximum(positive - negative + margin, 0.0))


@tf.function
def step(x, kinds):
    with tf.GradientTape() as tape:
        loss = semi_hard(net(x, training=True), kinds)
    v = net.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))


for _epoch in range(15):
    for chosen in np.split(rng.permutation(1280), 20):
        step(tf.constant(rows[chosen]), tf.constant(kinds[chosen]))
