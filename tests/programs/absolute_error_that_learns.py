"""Black and white pictures through an autoencoder, and counts, both under absolute error: healthy."""

import keras
import numpy as np
from sklearn.datasets import load_digits

keras.utils.set_random_seed(408)
rng = np.random.RandomState(408)
pictures = (load_digits().data > 7).astype("float32")
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(48, activation="relu"),
        keras.layers.Dense(64, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.005), loss="mae")
model.fit(pictures, pictures, epochs=30, verbose=0)

x = rng.randn(2000, 6)
counts = rng.poisson(np.exp(0.5 * x[:, 0]))
visits = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
)
visits.compile("adam", loss="mae")
visits.fit(x, counts, epochs=8, verbose=0)
