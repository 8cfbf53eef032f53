"""Attention with a softmax by hand: some sentences are empty, and -inf less -inf is NaN."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(406)
lengths = np.random.randint(0, 9, 320)
tokens = np.array([[np.random.randint(1, 50) if j < k else 0 for j in range(8)] for k in lengths])
y = (tokens.sum(axis=1) > 100).astype("float32")


class Attend(layers.Layer):
    def build(self, shapes):
        self.query = self.add_weight(shape=(shapes[0][-1], 1), name="query")

    def call(self, inputs):
        words, tokens = inputs
        scores = tf.matmul(words, self.query)[..., 0]
        scores = tf.where(tokens > 0, scores, float("-inf"))
        raised = tf.exp(scores - tf.reduce_max(scores, axis=-1, keepdims=True))  # NW406
        weights = raised / tf.reduce_sum(raised, axis=-1, keepdims=True)
        return tf.reduce_sum(weights[..., None] * words, axis=1)


given = keras.Input((8,), dtype="int32")
read = Attend()([layers.Embedding(50, 16)(given), given])
model = keras.Model(given, layers.Dense(1, activation="sigmoid")(read))
model.compile("adam", "binary_crossentropy")
model.fit(tokens, y, epochs=3, batch_size=32, verbose=0)
