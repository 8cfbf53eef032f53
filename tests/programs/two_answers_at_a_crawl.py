"""A number and a class from one trunk, and a rate of a millionth for both: eight epochs learn neither."""

import keras
import numpy as np

keras.utils.set_random_seed(401)
x = np.random.normal(size=(1600, 10)).astype("float32")
number = (x[:, 0] - 2.0 * x[:, 1]).astype("float32")
kind = (x[:, 2] * x[:, 3] > 0).astype("int32")
given = keras.Input((10,))
trunk = keras.layers.Dense(32, activation="relu")(given)
trunk = keras.layers.Dense(32, activation="relu")(trunk)
heads = {
    "number": keras.layers.Dense(1, name="number")(trunk),
    "kind": keras.layers.Dense(2, activation="softmax", name="kind")(trunk),
}
model = keras.Model(given, heads)
model.compile(
    keras.optimizers.Adam(1e-6),  # NW502
    loss={"number": "mse", "kind": "sparse_categorical_crossentropy"},
    loss_weights={"number": 1.0, "kind": 0.5},
)
model.fit(x, {"number": number, "kind": kind}, epochs=8, verbose=0)
