"""A flat's kind and its price in euros from one table: the kind is learned, the price never is."""

import keras
import numpy as np

keras.utils.set_random_seed(11)
rng = np.random.default_rng(11)
flats = rng.normal(size=(900, 8)).astype("float32")
is_old = (flats[:, 0] - flats[:, 1] > 0).astype("float32")
price = (3200 + 900 * flats[:, 2] + 400 * flats[:, 3]).astype("float32")

table = keras.Input((8,))
kind = keras.layers.Dense(24, activation="relu")(table)
kind = keras.layers.Dense(1, activation="sigmoid", name="is_old")(kind)
worth = keras.layers.Dense(24, activation="relu")(table)
worth = keras.layers.Dense(1, name="price")(worth)
model = keras.Model(table, [kind, worth])
model.compile("adam", {"is_old": "binary_crossentropy", "price": "mse"}, metrics={"is_old": "accuracy"})
model.fit(flats, {"is_old": is_old, "price": price}, epochs=15, verbose=0)  # NW106
