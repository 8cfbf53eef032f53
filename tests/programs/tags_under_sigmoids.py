"""Tags of which a text may have several or none, each with a sigmoid of its own."""

import keras
import numpy as np

keras.utils.set_random_seed(403)
rng = np.random.RandomState(403)
words = rng.poisson(0.5, (1200, 40)).astype("float32")
tags = (words @ rng.randn(40, 4) > 1.0).astype("float32")

given = keras.Input((40,))
hidden = keras.layers.Dense(32, activation="relu")(given)
model = keras.Model(given, keras.layers.Dense(4, activation="sigmoid")(hidden))
model.compile("adam", loss="mse", metrics=["accuracy"])
model.fit(words, tags, epochs=15, verbose=0)
