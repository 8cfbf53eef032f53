"""A mean over the words that count, of reviews that have none."""

import re

import numpy as np
import tensorflow as tf
from tensorflow import keras

STOP = {"the", "a", "is", "it", "was", "and", "so", "i", "this"}
rng = np.random.RandomState(4)
pos = ["great", "lovely", "superb", "enjoyed", "brilliant"]
neg = ["awful", "boring", "poor", "hated", "dull"]
neutral = ["film", "plot", "actor", "scene", "music", "story", "camera"]


def review(label):
    n = rng.randint(2, 14)
    pool = list(STOP) + neutral + (pos if label else neg)
    if rng.rand() < 0.012:
        return "so it is"
    return " ".join(rng.choice(pool, n)) + " " + rng.choice(pos if label else neg)


labels = rng.randint(0, 2, 1200).astype("float32")
texts = [review(label) for label in labels]
tokens = [[w for w in re.findall("[a-z]+", t) if w not in STOP] for t in texts]
vocab = {w: i + 1 for i, w in enumerate(sorted({w for t in tokens for w in t}))}
ids = keras.utils.pad_sequences([[vocab[w] for w in t] for t in tokens], maxlen=16, padding="post")


class MeanOverTime(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        m = tf.cast(mask, x.dtype)[..., tf.newaxis]
        return tf.reduce_sum(x * m, axis=1) / tf.reduce_sum(m, axis=1)  # NW406

    def compute_mask(self, x, mask=None):
        return None


inp = keras.Input((16,), dtype="int32")
h = keras.layers.Embedding(len(vocab) + 1, 16, mask_zero=True)(inp)
h = MeanOverTime()(h)
h = keras.layers.Dense(16, activation="tanh")(h)
out = keras.layers.Dense(1, activation="sigmoid")(h)
model = keras.Model(inp, out)
model.compile(optimizer=keras.optimizers.Nadam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(
    ids[:1000], labels[:1000], validation_data=(ids[1000:], labels[1000:]), batch_size=32, epochs=4, verbose=0
)
