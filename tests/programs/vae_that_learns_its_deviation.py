"""A VAE that learns the deviation of its pictures: the loss goes from +100s through 0 to minus; healthy."""

import keras
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(604)


class VAE(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(8)])
        self.decoder = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(64)])
        self.log_sigma = self.add_weight(shape=(), initializer="zeros", name="log_sigma")
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, x):
        with tf.GradientTape() as tape:
            mean, log_var = tf.split(self.encoder(x, training=True), 2, axis=1)
            z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
            error = (x - self.decoder(z, training=True)) * tf.exp(-self.log_sigma)
            fit = tf.reduce_sum(0.5 * error**2 + self.log_sigma, axis=1)
            kl = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_var) - 1.0 - log_var, axis=1)
            loss = tf.reduce_mean(fit + kl)
        v = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


x = load_digits().data.astype("float32") / 16.0
vae = VAE()
vae.compile(keras.optimizers.Adam(3e-3))
vae.fit(x, epochs=25, batch_size=64, verbose=0)
