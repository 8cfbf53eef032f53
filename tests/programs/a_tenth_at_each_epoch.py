"""A callback that takes nine tenths off the rate at every epoch: after three there is nothing left of it."""

import keras
import numpy as np

keras.utils.set_random_seed(408)
x = np.random.normal(size=(1500, 12)).astype("float32")
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype("float32")
model = keras.Sequential(
    [
        keras.Input((12,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
slower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: float(rate) * 0.1)
model.fit(x, y, epochs=25, batch_size=32, verbose=0, callbacks=[slower])  # NW502
