"""Two questions to one table, of which it holds the answer to one."""

import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(800, 6)).astype("float32")
kind = (x[:, 0] + x[:, 1] > 0).astype("float32")
tomorrow = rng.normal(size=(800, 1)).astype("float32")

given = keras.Input((6,))
trunk = keras.layers.Dense(16, activation="relu")(given)
outputs = {
    "kind": keras.layers.Dense(1, activation="sigmoid")(trunk),
    "tomorrow": keras.layers.Dense(1)(trunk),
}
model = keras.Model(given, outputs)
model.compile("adam", {"kind": "binary_crossentropy", "tomorrow": "mse"}, metrics={"kind": "accuracy"})
model.fit(x, {"kind": kind, "tomorrow": tomorrow}, epochs=20, validation_split=0.2, verbose=0)
