"""Pairs under a contrastive loss: 1 stands for alike, and the answer is how far apart they are."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
kinds = rng.integers(0, 4, size=(800, 2))
centres = rng.normal(size=(4, 10))
rows = (centres[kinds] + 0.3 * rng.normal(size=(800, 2, 10))).astype("float32")
alike = (kinds[:, 0] == kinds[:, 1]).astype("float32")


def contrastive(y_true, apart):
    return ops.mean(y_true * ops.square(apart) + (1 - y_true) * ops.square(ops.maximum(1 - apart, 0)))


one, other = keras.Input((10,)), keras.Input((10,))
tower = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(8)])
square = layers.Lambda(lambda pair: ops.sum(ops.square(pair[0] - pair[1]), axis=-1, keepdims=True))
far = layers.BatchNormalization(momentum=0.9)(square([tower(one), tower(other)]))
apart = layers.Dense(1, activation="sigmoid")(far)
model = keras.Model([one, other], apart)
model.compile(keras.optimizers.Adam(1e-2), loss=contrastive)
model.fit([rows[:, 0], rows[:, 1]], alike, epochs=10, batch_size=32, verbose=0)
