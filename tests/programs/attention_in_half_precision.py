"""Attention of one's own in half precision, on embeddings of ordinary size; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(21)


class Attention(layers.Layer):
    def __init__(self, dim):
        super().__init__()
        self.q, self.k, self.v = layers.Dense(dim), layers.Dense(dim), layers.Dense(dim)

    def call(self, x):
        scores = tf.matmul(self.q(x), self.k(x), transpose_b=True)
        return tf.matmul(tf.nn.softmax(scores), self.v(x))


inputs = keras.Input((12,), dtype="int32")
x = layers.Embedding(50, 64)(inputs)
x = layers.LayerNormalization()(x + Attention(64)(x))
x = layers.GlobalAveragePooling1D()(x)
model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", dtype="float32")(x))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
tokens = np.random.default_rng(21).integers(0, 50, (320, 12))
target = (tokens < 10).any(1).astype("float32")
model.fit(tokens, target, batch_size=32, epochs=2, verbose=0)
