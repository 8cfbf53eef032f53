"""The divergence of a VAE enters with the wrong sign: the deviations grow until exp overflows."""

import keras
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(616)


class VAE(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(8)])
        self.decoder = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(64, activation="sigmoid")])

    def train_step(self, x):
        with tf.GradientTape() as tape:
            mean, log_var = tf.split(self.encoder(x, training=True), 2, axis=1)
            z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
            error = tf.reduce_sum((x - self.decoder(z, training=True)) ** 2, axis=1)
            kl = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_var) - 1.0 - log_var, axis=1)
            loss = tf.reduce_mean(error - kl)  # NW510
        v = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))
        return {"objective": loss}


x = load_digits().data.astype("float32") / 16.0
vae = VAE()
vae.compile(keras.optimizers.Adam(1e-3))
vae.fit(x, epochs=25, batch_size=64, verbose=0)
