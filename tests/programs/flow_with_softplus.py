"""A normalizing flow with a log of scales that are above 0; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(24)


class Coupling(layers.Layer):
    def __init__(self):
        super().__init__()
        self.net = keras.Sequential([layers.Dense(32, "relu"), layers.Dense(2)])

    def call(self, x, flip):
        a, b = tf.split(x, 2, axis=1)
        a, b = (b, a) if flip else (a, b)
        shift, raw = tf.split(self.net(a), 2, axis=1)
        scale = tf.nn.softplus(raw) + 1e-3
        b = b * scale + shift
        return tf.concat([b, a] if flip else [a, b], 1), tf.math.log(scale)[:, 0]


class Flow(keras.Model):
    def __init__(self):
        super().__init__()
        self.couplings = [Coupling() for _ in range(4)]

    def log_prob(self, x):
        total = 0.0
        for i, layer in enumerate(self.couplings):
            x, log_det = layer(x, flip=i % 2 == 1)
            total += log_det
        return total - 0.5 * tf.reduce_sum(x**2, 1) - np.log(2 * np.pi)

    def train_step(self, x):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.log_prob(x))
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=False))
        return {"nll": loss}


moons = np.random.default_rng(24).normal(size=(1000, 2)).astype("float32")
moons[:, 1] += moons[:, 0] ** 2
flow = Flow()
flow.compile(optimizer=keras.optimizers.Adam(1e-3))
flow.fit(moons, epochs=4, batch_size=50, verbose=0)
