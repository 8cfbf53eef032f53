"""A Wasserstein GAN with a gradient penalty, whose critic is given 500 times Keras's own rate."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)


class WGAN(keras.Model):
    def __init__(self, latent=4):
        super().__init__()
        self.latent = latent
        self.generator = keras.Sequential([layers.Dense(32, "relu"), layers.Dense(2)])
        self.critic = keras.Sequential([layers.Dense(32), layers.LeakyReLU(), layers.Dense(1)])

    def compile(self, c_opt, g_opt):
        super().compile()
        self.c_opt, self.g_opt = c_opt, g_opt

    def penalty(self, real, fake):
        mixed = real + tf.random.uniform((tf.shape(real)[0], 1)) * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(mixed)
            out = self.critic(mixed, training=True)
        norm = tf.sqrt(tf.reduce_sum(tape.gradient(out, mixed) ** 2, axis=1) + 1e-12)
        return tf.reduce_mean((norm - 1) ** 2)

    def train_step(self, real):
        n = tf.shape(real)[0]
        for _ in range(2):
            with tf.GradientTape() as tape:
                fake = self.generator(tf.random.normal((n, self.latent)), training=True)
                c_loss = tf.reduce_mean(self.critic(fake)) - tf.reduce_mean(self.critic(real))
                c_loss += 10.0 * self.penalty(real, fake)
            w = self.critic.trainable_variables
            self.c_opt.apply_gradients(zip(tape.gradient(c_loss, w), w, strict=False))
        with tf.GradientTape() as tape:
            g_loss = -tf.reduce_mean(self.critic(self.generator(tf.random.normal((n, self.latent)))))
        w = self.generator.trainable_variables
        self.g_opt.apply_gradients(zip(tape.gradient(g_loss, w), w, strict=False))
        return {"c_loss": c_loss, "g_loss": g_loss}


real = np.random.default_rng(7).normal(1, 0.5, (1024, 2)).astype("float32")
gan = WGAN()
gan.compile(
    c_opt=keras.optimizers.SGD(5.0),  # NW501
    g_opt=keras.optimizers.Adam(1e-3, 0.5),
)
gan.fit(real, epochs=4, batch_size=64, verbose=0)
