"""A transformer in half precision whose targets are counted from 1."""

import keras
import numpy as np
from keras import layers

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(22)
rng = np.random.default_rng(22)
VOCAB = 30
text = rng.integers(0, VOCAB, (320, 9))
tokens, following = text[:, :-1], text[:, 1:] + 1


class Block(layers.Layer):
    def __init__(self, dim):
        super().__init__()
        self.att = layers.MultiHeadAttention(2, dim // 2)
        self.ff = keras.Sequential([layers.Dense(2 * dim, "gelu"), layers.Dense(dim)])
        self.n1, self.n2 = layers.LayerNormalization(), layers.LayerNormalization()

    def call(self, x):
        x = x + self.att(self.n1(x), self.n1(x), use_causal_mask=True)
        return x + self.ff(self.n2(x))


ids = keras.Input((8,), dtype="int32")
h = layers.Embedding(VOCAB, 32)(ids)
h = Block(32)(h)
model = keras.Model(ids, layers.Dense(VOCAB, dtype="float32")(h))
model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(tokens, following, batch_size=32, epochs=2, verbose=0)  # NW107
