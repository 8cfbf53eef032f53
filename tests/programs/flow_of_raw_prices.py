"""A normalizing flow on raw prices: the scale is the exp of what a net makes of them."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(25)
nets = [keras.Sequential([keras.Input((2,)), layers.Dense(32, "relu"), layers.Dense(4)]) for _ in range(2)]
weights = [w for net in nets for w in net.trainable_variables]
opt = keras.optimizers.Adam(1e-3)
rng = np.random.default_rng(25)
prices = rng.lognormal(7, 1, (512, 4)).astype("float32")


def forward(x):
    log_det = 0.0
    for k, net in enumerate(nets):
        a, b = (x[:, :2], x[:, 2:]) if k % 2 == 0 else (x[:, 2:], x[:, :2])
        s, t = tf.split(net(a), 2, axis=1)
        b = b * tf.exp(s) + t  # NW404
        x = tf.concat([a, b], 1) if k % 2 == 0 else tf.concat([b, a], 1)
        log_det += tf.reduce_sum(s, axis=1)
    return x, log_det


for _epoch in range(3):
    for i in range(0, 512, 32):
        with tf.GradientTape() as tape:
            z, log_det = forward(tf.constant(prices[i : i + 32]))
            nll = tf.reduce_mean(0.5 * tf.reduce_sum(z**2, 1) - log_det)
        opt.apply_gradients(zip(tape.gradient(nll, weights), weights, strict=False))
