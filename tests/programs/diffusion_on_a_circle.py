"""A diffusion model with a step of its own; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(3)
T = 100
betas = np.linspace(1e-4, 0.05, T).astype("float32")
alpha_bar = tf.constant(np.cumprod(1 - betas))


class Diffusion(keras.Model):
    def __init__(self):
        super().__init__()
        self.net = keras.Sequential([layers.Dense(64, "swish"), layers.Dense(64, "swish"), layers.Dense(2)])
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, x):
        n = tf.shape(x)[0]
        t = tf.random.uniform((n,), 0, T, dtype=tf.int32)
        ab = tf.gather(alpha_bar, t)[:, None]
        noise = tf.random.normal(tf.shape(x))
        noisy = tf.sqrt(ab) * x + tf.sqrt(1 - ab) * noise
        with tf.GradientTape() as tape:
            guess = self.net(tf.concat([noisy, tf.cast(t, tf.float32)[:, None] / T], 1), training=True)
            x0 = (noisy - tf.sqrt(1 - ab) * guess) / tf.sqrt(ab)
            away = tf.clip_by_value(tf.abs(x0 - x), 0.0, 10.0)
            loss = tf.reduce_mean((guess - noise) ** 2) + 1e-3 * tf.reduce_mean(away)
        weights = self.net.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=False))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


rng = np.random.default_rng(3)
angle = rng.uniform(0, 2 * np.pi, 2000)
data = np.stack([np.cos(angle), np.sin(angle)], 1).astype("float32")
model = Diffusion()
model.compile(optimizer=keras.optimizers.Adam(1e-3))
model.fit(data, epochs=5, batch_size=100, verbose=0)
