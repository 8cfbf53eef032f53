"""A small GAN on a ring, a train_step of its own, two optimizers."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Gan(keras.Model):
    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential([layers.Dense(32, "relu"), layers.Dense(2)])
        self.discriminator = keras.Sequential([layers.Dense(32, "relu"), layers.Dense(1)])
        self.entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.generator_loss = keras.metrics.Mean(name="generator_loss")
        self.discriminator_loss = keras.metrics.Mean(name="discriminator_loss")

    @property
    def metrics(self):
        return [self.generator_loss, self.discriminator_loss]

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile()
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer

    def train_step(self, real):
        noise = tf.random.normal((tf.shape(real)[0], 4))
        with tf.GradientTape() as tape:
            on_real = self.discriminator(real)
            on_fake = self.discriminator(self.generator(noise))
            loss = self.entropy(tf.ones_like(on_real), on_real) + self.entropy(
                tf.zeros_like(on_fake), on_fake
            )
        weights = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(loss, weights), weights)
        self.discriminator_loss.update_state(loss)
        with tf.GradientTape() as tape:
            on_fake = self.discriminator(self.generator(noise))
            loss = self.entropy(tf.ones_like(on_fake), on_fake)
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, weights), weights)
        self.generator_loss.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics}


keras.utils.set_random_seed(65)
angles = np.random.uniform(0, 2 * np.pi, 640)
ring = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
model = Gan()
model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
model.fit(ring, epochs=5, batch_size=32, verbose=0)
