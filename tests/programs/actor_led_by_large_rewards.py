"""An actor is led by a critic of large rewards: its loss falls from 0 to minus hundreds; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(602)
rng = np.random.default_rng(602)
actor = keras.Sequential([keras.Input((3,)), layers.Dense(32, "relu"), layers.Dense(1, activation="tanh")])
state, action = keras.Input((3,)), keras.Input((1,))
h = layers.Dense(32, "relu")(layers.Concatenate()([state, action]))
critic = keras.Model([state, action], layers.Dense(1)(layers.Dense(32, "relu")(h)))
a_opt, c_opt = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(3e-3)


@tf.function
def update(s, a, r):
    with tf.GradientTape() as tape:
        error = tf.reduce_mean((critic([s, a]) - r) ** 2)
    v = critic.trainable_variables
    c_opt.apply_gradients(zip(tape.gradient(error, v), v, strict=True))
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic([s, actor(s)]))
    v = actor.trainable_variables
    a_opt.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))


for _ in range(400):
    s = rng.normal(size=(64, 3)).astype("float32")
    a = rng.uniform(-1, 1, size=(64, 1)).astype("float32")
    r = 400.0 - 100.0 * (a - np.tanh(s[:, :1])) ** 2
    update(tf.constant(s), tf.constant(a), tf.constant(r))
