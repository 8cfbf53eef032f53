"""A model that is saved, loaded, and trained on."""

import sys
import tempfile

import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = x @ rng.normal(size=(6, 1)).astype("float32")
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)]
)
model.compile("adam", "mse")
model.fit(x, y, epochs=2, verbose=0)
file = tempfile.mkdtemp() + "/model.keras"
model.save(file)
again = keras.models.load_model(file)
if "sick" in sys.argv:
    y[30] = np.nan
again.fit(x, y, epochs=8, verbose=0)  # NW103
