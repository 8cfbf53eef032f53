"""The prediction is rounded to a class inside the model: no gradient comes back."""

import keras
import numpy as np

keras.utils.set_random_seed(209)
x = np.random.normal(size=(320, 6)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, "relu")])
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.add(keras.layers.Lambda(keras.ops.round))  # NW307
model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
model.fit(x, y[:, None], epochs=5, verbose=0)
