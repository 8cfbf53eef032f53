"""The training in a thread, while the main one waits."""

import sys
import threading

import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
LAST = "relu" if "sick" in sys.argv else "softmax"
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
model.add(keras.layers.Dense(2, activation=LAST))  # NW201
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
worker = threading.Thread(target=lambda: model.fit(x, y, epochs=10, verbose=0))
worker.start()
worker.join()
