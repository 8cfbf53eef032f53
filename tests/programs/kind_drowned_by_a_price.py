"""A shared trunk: the price is learned, and its gradient is all that the trunk follows."""

import keras
import numpy as np

keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(800, 6)).astype("float32")
kind = (x[:, 0] * x[:, 1] > 0).astype("float32")
price = 50.0 * (x[:, 2:3] - 0.5 * x[:, 3:4])

given = keras.Input((6,))
trunk = keras.layers.Dense(16, activation="relu")(given)
trunk = keras.layers.Dense(16, activation="relu")(trunk)
outputs = [
    keras.layers.Dense(1, activation="sigmoid", name="kind")(trunk),
    keras.layers.Dense(1, name="price")(trunk),
]
model = keras.Model(given, outputs)
model.compile(keras.optimizers.Adam(5e-3), ["binary_crossentropy", "mse"], metrics=[["accuracy"], []])
model.fit(x, [kind, price], epochs=30, validation_split=0.2, verbose=0)  # NW106
