"""A table of ratings scaled to 0..1 as a whole, the ids of users and films among it."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(414)
rng = np.random.RandomState(414)
users, films = rng.randint(0, 40, 3000), rng.randint(0, 30, 3000)
table = np.column_stack([users, films, rng.randn(3000, 2)])
ratings = rng.randn(40)[users] + rng.randn(30)[films] + 0.1 * table[:, 2]
scaled = (table - table.min(axis=0)) / np.ptp(table, axis=0)

given = keras.Input((4,))
joined = layers.Concatenate()(
    [layers.Embedding(40, 8)(given[:, 0]), layers.Embedding(30, 8)(given[:, 1]), given[:, 2:]]
)
model = keras.Model(given, layers.Dense(1)(layers.Dense(16, activation="relu")(joined)))
model.compile(keras.optimizers.Adam(0.005), loss="mse")
model.fit(scaled, ratings, epochs=6, verbose=0)  # NW119
