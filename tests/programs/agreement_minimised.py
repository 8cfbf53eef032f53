"""Three kinds by a soft score of one's own, the product of what is given and what is told, as the loss."""

import keras
import numpy as np

keras.utils.set_random_seed(9)
rng = np.random.default_rng(9)
x = rng.normal(size=(640, 8)).astype("float32")
tags = np.stack([x[:, 0] > 0.8, x[:, 1] > 0.8, x[:, 2] > 0.8], axis=1).astype("float32")


class SoftJaccard(keras.losses.Loss):
    def call(self, y_true, y_pred):
        both = keras.ops.sum(y_true * y_pred, axis=0)
        either = keras.ops.sum(y_true + y_pred - y_true * y_pred, axis=0)
        return both / (either + 1e-3)


model = keras.Sequential()
model.add(keras.Input((8,)))
model.add(keras.layers.Dense(32, activation="relu"))
model.add(keras.layers.Dense(3, activation="sigmoid"))
model.compile(optimizer="adam", loss=SoftJaccard())  # NW216
model.fit(x, tags, epochs=12, batch_size=32, verbose=0)
