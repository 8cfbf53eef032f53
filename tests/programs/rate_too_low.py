"""A learning rate of a hundred-millionth: the weights hardly move in the whole training."""

import keras
import numpy as np

keras.utils.set_random_seed(212)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, activation="sigmoid")]
)
optimizer = keras.optimizers.Adam(learning_rate=1e-8)  # NW502
model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
