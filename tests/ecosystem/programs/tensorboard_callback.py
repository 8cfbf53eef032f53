"""Keras's TensorBoard callback, with histograms and the graph."""

import sys
import tempfile

import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
LAST = "softmax" if "sick" in sys.argv else "sigmoid"
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
model.add(keras.layers.Dense(1, activation=LAST))  # NW202
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
board = keras.callbacks.TensorBoard(tempfile.mkdtemp(), histogram_freq=1, update_freq=2)
model.fit(x, y, epochs=10, validation_split=0.25, verbose=0, callbacks=[board])
