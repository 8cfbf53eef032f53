"""The same head, trained by train_on_batch."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 20)).astype("float32")
y = keras.utils.to_categorical(x[:, 0] > 0, 2)
model = keras.Sequential(
    [
        keras.layers.Input((20,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(2, activation="relu"),  # NW201
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy")
for step in range(40):
    rows = slice(step % 8 * 32, step % 8 * 32 + 32)
    model.train_on_batch(x[rows], y[rows])
