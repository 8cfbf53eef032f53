"""Blots on pictures under an overlap (Dice) as the loss: it falls to 0, and so does the overlap."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(7)
rng = np.random.default_rng(2)
rows, columns = np.mgrid[:20, :20]
middle = rng.integers(6, 14, size=(160, 2))
size = rng.integers(3, 6, size=160)
away = np.hypot(rows - middle[:, :1, None], columns - middle[:, 1:, None])
masks = (away < size[:, None, None]).astype("float32")[..., None]
pictures = (0.6 * masks + rng.normal(0, 0.2, masks.shape)).astype("float32")


def dice(y_true, y_pred):
    both = ops.sum(y_true * y_pred)
    return (2.0 * both + 1.0) / (ops.sum(y_true) + ops.sum(y_pred) + 1.0)


net = keras.Sequential(
    [
        keras.Input((20, 20, 1)),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ]
)
net.compile(keras.optimizers.Adam(3e-3), loss=dice)  # NW216
net.fit(pictures, masks, batch_size=8, epochs=10, verbose=0)
