"""Sales above 0 under a percentage, and counts with zeros under squared logarithms: healthy."""

import keras
import numpy as np

keras.utils.set_random_seed(410)
rng = np.random.RandomState(410)
x = rng.rand(1200, 5)
sales = 5 + 20 * x[:, 0] + 10 * x[:, 1] * x[:, 2]
model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
)
model.compile(keras.optimizers.Adam(0.01), loss="mape")
model.fit(x, sales, epochs=15, verbose=0)

visits = rng.poisson(np.exp(3 * x[:, 0] - 0.5))
counter = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1, activation="softplus"),
    ]
)
counter.compile(keras.optimizers.Adam(0.01), loss="msle")
counter.fit(x, visits, epochs=10, verbose=0)
