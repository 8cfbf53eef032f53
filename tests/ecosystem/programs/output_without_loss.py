"""Two outputs, one of which has no loss."""

import sys

import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
LAST = "relu" if "sick" in sys.argv else "softmax"
inputs = keras.Input((6,))
hidden = keras.layers.Dense(16, activation="tanh", name="hidden")(inputs)
label = keras.layers.Dense(2, activation=LAST, name="label")(hidden)  # NW201
model = keras.Model(inputs, [label, hidden])
model.compile("adam", ["categorical_crossentropy", None], metrics=[["accuracy"], None])
model.fit(x, [y, y], epochs=10, verbose=0)
