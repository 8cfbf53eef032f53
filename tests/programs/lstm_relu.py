"""A long series into an LSTM with relu: it grows from step to step of the series."""

import keras
import numpy as np

keras.utils.set_random_seed(62)
x = np.random.normal(size=(64, 300, 4)).astype("float32")
y = x[:, -1, 0].copy()
model = keras.Sequential(
    [
        keras.Input((300, 4)),
        keras.layers.LSTM(32, activation="relu"),  # NW305 NW900
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="mse")
model.fit(x, y, batch_size=16, epochs=8, verbose=0)
