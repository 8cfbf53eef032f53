"""CTC on words in pictures; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(17)
rng = np.random.default_rng(17)
pictures = rng.normal(size=(128, 16, 32, 1)).astype("float32")
words = rng.integers(1, 10, (128, 6)).astype("int32")


class Ocr(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(8, 3, strides=(2, 2), padding="same", activation="relu")
        self.rnn = layers.GRU(32, return_sequences=True)
        self.logits = layers.Dense(11)

    def call(self, x):
        h = self.conv(x)
        h = tf.transpose(h, (0, 2, 1, 3))
        h = tf.reshape(h, (tf.shape(h)[0], h.shape[1], h.shape[2] * h.shape[3]))
        return self.logits(self.rnn(h))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            out = self(x, training=True)
            n = tf.shape(x)[0]
            per_word = tf.nn.ctc_loss(
                y, out, tf.fill((n,), 6), tf.fill((n,), tf.shape(out)[1]), False, blank_index=0
            )
            loss = tf.reduce_mean(per_word)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=False))
        return {"loss": loss}


model = Ocr()
model.compile("adam")
model.fit(pictures, words, batch_size=16, epochs=2, verbose=0)
