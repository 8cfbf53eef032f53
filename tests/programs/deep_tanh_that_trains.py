"""Ten tanh layers with their default weights: the gradient thins out, and it trains."""

import keras
import numpy as np

keras.utils.set_random_seed(220)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
model = keras.Sequential([keras.Input((8,))])
for _ in range(10):
    model.add(keras.layers.Dense(32, activation="tanh"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
