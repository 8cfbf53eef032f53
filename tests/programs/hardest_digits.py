"""Digits on the unit sphere, the hardest triplets of each batch, SGD far too bold: one point for all."""

import keras
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(313)
digits = load_digits()
pictures = (digits.images[..., None] / 16.0).astype("float32")
kinds = digits.target.astype("int32")


class Embedder(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(16, 3, activation="relu")
        self.pool = layers.GlobalAveragePooling2D()
        self.vector = layers.Dense(16)
        self.sphere = layers.UnitNormalization()
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracker]

    def call(self, pictures):
        return self.sphere(self.vector(self.pool(self.convolution(pictures))))

    def train_step(self, data):
        pictures, kinds = data
        with tf.GradientTape() as tape:
            vectors = self(pictures, training=True)
            distance = 2.0 - 2.0 * tf.matmul(vectors, vectors, transpose_b=True)
            same = tf.cast(kinds[:, None] == kinds[None], tf.float32)
            furthest = tf.reduce_max(distance * same, axis=1)
            nearest = tf.reduce_min(distance + 10.0 * same, axis=1)
            loss = tf.reduce_mean(tf.maximum(furthest - nearest + 0.2, 0.0))  # NW311
        v = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


model = Embedder()
model.compile(keras.optimizers.Adam(1e-2))
model.fit(pictures, kinds, batch_size=64, epochs=12, verbose=0)
