"""Labels that were drawn by lot: there is nothing to learn, and nothing is broken."""

import keras
import numpy as np

keras.utils.set_random_seed(70)
x = np.random.normal(size=(800, 8)).astype("float32")
y = np.random.randint(0, 2, 800)
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, validation_split=0.2, verbose=0)
