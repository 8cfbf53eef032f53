"""A loss that counts signs: it is never 0, and flat everywhere."""

import keras
import numpy as np


def disagreement(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - keras.ops.sign(y_pred)), axis=-1)


keras.utils.set_random_seed(210)
x = np.random.normal(size=(480, 6)).astype("float32")
y = np.sign(x[:, :1] - 0.3 * x[:, 1:2])
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)]
)
model.compile(optimizer="adam", loss=disagreement)  # NW307
model.fit(x, y, epochs=6, verbose=0)
