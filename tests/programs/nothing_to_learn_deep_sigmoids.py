"""Labels drawn by lot, under three layers of sigmoids and a bold rate: there is nothing to learn."""

import keras
import numpy as np

keras.utils.set_random_seed(312)
x = np.random.normal(size=(2000, 6)).astype("float32") * 20
y = np.random.randint(0, 2, 2000)
model = keras.Sequential([keras.Input((6,))])
for _ in range(3):
    model.add(keras.layers.Dense(16, activation="sigmoid"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)
