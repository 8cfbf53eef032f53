"""Pairs are pulled together on the unit sphere; relu makes some embeddings 0, which have no direction."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(12)


class SimCLR(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(32, "relu")])
        self.projector = layers.Dense(4, "relu")

    def embed(self, x):
        z = self.projector(self.encoder(x))
        return z / tf.norm(z, axis=1, keepdims=True)  # NW405

    def train_step(self, x):
        with tf.GradientTape() as tape:
            a = self.embed(x + tf.random.normal(tf.shape(x), stddev=0.1))
            b = self.embed(x + tf.random.normal(tf.shape(x), stddev=0.1))
            sim = tf.matmul(a, b, transpose_b=True) / 0.1
            target = tf.range(tf.shape(x)[0])
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, sim))
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=False))
        return {"loss": loss}


x = np.random.default_rng(12).normal(size=(640, 10)).astype("float32")
model = SimCLR()
model.compile(optimizer="adam")
model.fit(x, epochs=3, batch_size=32, verbose=0)
