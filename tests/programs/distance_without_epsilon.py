"""A Siamese network; the distance of a pair of duplicates is 0, where a square root has no slope."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(59)
left = np.random.normal(size=(480, 6)).astype("float32")
same = np.random.randint(0, 2, 480).astype("float32")
right = np.where(same[:, None] == 1, left + 0.1 * np.random.normal(size=left.shape), -left).astype("float32")
right[240:248], same[240:248] = left[240:248], 0.0

encoder = keras.Sequential([keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(4)])
a, b = keras.Input((6,)), keras.Input((6,))
squares = ops.sum(ops.square(encoder(a) - encoder(b)), axis=-1, keepdims=True)
distance = ops.sqrt(squares)  # NW401 NW900
model = keras.Model([a, b], distance)


def contrastive(y, d):
    return ops.mean(y * ops.square(d) + (1 - y) * ops.square(ops.maximum(1.0 - d, 0.0)))


model.compile(optimizer="adam", loss=contrastive)
model.fit([left, right], same, batch_size=16, epochs=2, shuffle=False, verbose=0)
