"""Few steps at Keras's own momentum: the averages are on their way, and nothing is wrong."""

import keras
import numpy as np

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
x = rng.normal(4.0, 3.0, (640, 8)).astype("float32")
y = (x[:, 0] * x[:, 1] > 16).astype("float32")
model = keras.Sequential([keras.Input((8,))])
for _ in range(4):
    model.add(keras.layers.Dense(32))
    model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.ReLU())
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, verbose=0)
