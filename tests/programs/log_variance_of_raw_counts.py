"""Raw counts up to a million in the encoder of a VAE: the exp of the log-variance overflows."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

latent_dim = 20
rng = np.random.default_rng(1)


def connection_records(n):
    num = np.column_stack(
        [
            rng.exponential(300, n),  # duration
            rng.lognormal(7, 2, n),  # src_bytes
            rng.lognormal(8, 2, n),  # dst_bytes
            rng.integers(0, 511, n),  # count
            rng.integers(0, 511, n),  # srv_count
        ]
    )
    rates = rng.random((n, 25))
    flags = rng.integers(0, 2, (n, 12))
    return np.hstack([num, rates, flags]).astype("float32")


class Sampling(layers.Layer):
    def call(self, inputs):
        z_mean, z_log_var = inputs
        eps = tf.random.normal(tf.shape(z_mean))
        return z_mean + tf.exp(0.5 * z_log_var) * eps


class VAE(keras.Model):
    def __init__(self, dim):
        super().__init__()
        self.h = layers.Dense(32, activation="relu")
        self.z_mean = layers.Dense(latent_dim)
        self.z_log_var = layers.Dense(latent_dim)
        self.sample = Sampling()
        self.dec = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(dim)])

    def call(self, x):
        h = self.h(x)
        m, lv = self.z_mean(h), self.z_log_var(h)
        kl = -0.5 * tf.reduce_sum(1 + lv - tf.square(m) - tf.exp(lv), axis=-1)  # NW404
        self.add_loss(tf.reduce_mean(kl))
        return self.dec(self.sample([m, lv]))


x_train = connection_records(2000)
x_test = connection_records(500)

vae = VAE(x_train.shape[1])
vae.compile(optimizer=keras.optimizers.Adam(learning_rate=0.0001), loss="mse")
vae.fit(x_train, x_train, epochs=5, batch_size=64, shuffle=True, validation_data=(x_test, x_test), verbose=0)
