"""Pairs of two kinds are pushed apart without a margin: the distance grows for ever."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(614)
rng = np.random.default_rng(614)
kind = rng.integers(0, 2, (640, 2))
x = [(rng.normal(size=(640, 6)) + 2.0 * kind[:, i : i + 1]).astype("float32") for i in range(2)]
same = (kind[:, 0] == kind[:, 1]).astype("float32")[:, None]


def pull_and_push(same, squared):
    return ops.mean(same * squared - (1.0 - same) * squared)


tower = keras.Sequential([keras.Input((6,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(4)])
left, right = keras.Input((6,)), keras.Input((6,))
gap = keras.layers.Subtract()([tower(left), tower(right)])
squared = keras.layers.Lambda(lambda gap: ops.sum(ops.square(gap), axis=1, keepdims=True))(gap)
model = keras.Model([left, right], squared)
model.compile(keras.optimizers.Adam(3e-3), pull_and_push)  # NW510
model.fit(x, same, epochs=30, verbose=0)
