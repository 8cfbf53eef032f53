"""A critic of a Wasserstein GAN with neither clipping nor a penalty: its loss falls for ever."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(611)
rng = np.random.default_rng(611)
generator = keras.Sequential([keras.Input((4,)), layers.Dense(32, "relu"), layers.Dense(2)])
critic = keras.Sequential(
    [keras.Input((2,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1)]
)
g_opt, c_opt = keras.optimizers.RMSprop(1e-4), keras.optimizers.RMSprop(2e-3)


@tf.function
def train(real):
    fake = generator(tf.random.normal((tf.shape(real)[0], 4)))
    for _ in range(5):
        with tf.GradientTape() as tape:
            c_loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real))  # NW510
        v = critic.trainable_variables
        c_opt.apply_gradients(zip(tape.gradient(c_loss, v), v, strict=True))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(critic(generator(tf.random.normal((tf.shape(real)[0], 4)))))
    v = generator.trainable_variables
    g_opt.apply_gradients(zip(tape.gradient(g_loss, v), v, strict=True))
    return c_loss


for _ in range(200):
    real = rng.normal((2.0, -1.0), 0.3, size=(64, 2)).astype("float32")
    train(tf.constant(real))
