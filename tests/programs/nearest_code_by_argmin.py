"""An argmin in the loss that only chooses what is compared, and a metric beside it: healthy."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(417)
rng = np.random.RandomState(417)
centres = ops.convert_to_tensor(rng.randn(5, 4), "float32")
x = rng.randn(800, 6)
y = x @ rng.randn(6, 4)


def to_the_nearest(y_true, y_pred):
    distances = ops.sum((y_pred[:, None] - centres) ** 2, axis=-1)
    nearest = ops.take(centres, ops.argmin(distances, axis=-1), axis=0)
    return ops.sum((y_pred - y_true) ** 2, axis=-1) + 0.1 * ops.sum((y_pred - nearest) ** 2, axis=-1)


model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(4)]
)
model.compile(keras.optimizers.Adam(0.01), loss=to_the_nearest, metrics=["mae"])
model.fit(x, y, epochs=10, verbose=0)
