"""A cosine from 0.003 to 0, and labels that are all but chance: that the rate is gone at the end is right."""

import keras
import numpy as np

keras.utils.set_random_seed(409)
x = np.random.normal(size=(1500, 12)).astype("float32")
y = (x[:, 0] + np.random.normal(0, 2.5, 1500) > 0).astype("float32")
model = keras.Sequential(
    [
        keras.Input((12,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
rate = keras.optimizers.schedules.CosineDecay(0.003, decay_steps=600)
model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=15, verbose=0)
