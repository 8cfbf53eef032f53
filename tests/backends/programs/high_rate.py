"""A learning rate at which the loss climbs."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(512, 20)).astype("float32")
y = x @ rng.normal(size=(20, 1)).astype("float32")
model = keras.Sequential(
    [keras.layers.Input((20,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)]
)
model.compile(optimizer=keras.optimizers.SGD(5.0), loss="mse")  # NW501
model.fit(x, y, epochs=5, batch_size=32, verbose=0)
