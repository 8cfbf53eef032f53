"""Rows in the order of their classes, shuffled by fit itself before every epoch."""

import keras
import numpy as np

keras.utils.set_random_seed(203)
y = np.repeat(np.arange(3), 200)
x = (np.random.normal(size=(600, 5)) + 1.5 * np.eye(5)[y]).astype("float32")
model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3, activation="softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=8, epochs=8, verbose=0)
