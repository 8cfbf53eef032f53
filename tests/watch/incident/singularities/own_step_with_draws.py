"""A ``train_step`` of two networks that draws random numbers, and calls neither by the model's ``call``."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
x = 30 * np.random.normal(size=(160, 12)).astype("float32")


class Autoencoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([keras.layers.Dense(32, activation="relu"), keras.layers.Dense(8)])
        self.decoder = keras.Sequential([keras.layers.Dense(32, activation="relu"), keras.layers.Dense(12)])

    def train_step(self, rows):
        with tf.GradientTape() as tape:
            mean, spread = tf.split(self.encoder(rows), 2, axis=1)
            drawn = mean + tf.random.normal(tf.shape(mean)) * tf.exp(20.0 * spread)  # op: Exp forward
            loss = tf.reduce_mean(tf.square(rows - self.decoder(drawn)))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


model = Autoencoder()
model.compile(keras.optimizers.Adam(1e-2))
model.fit(x, epochs=2, verbose=0)
