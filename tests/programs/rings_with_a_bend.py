"""The same rings with relu: learned."""

import keras
import numpy as np
from sklearn.datasets import make_circles

keras.utils.set_random_seed(309)
x, y = make_circles(1000, noise=0.08, factor=0.4, random_state=3)
model = keras.Sequential([keras.Input((2,))])
model.add(keras.layers.Dense(32, activation="relu"))
model.add(keras.layers.Dense(32, activation="relu"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(np.asarray(x, "float32"), y, epochs=15, verbose=0)
