"""A hidden tanh whose weights begin so large that it sits at its ends."""

import keras
import numpy as np

keras.utils.set_random_seed(207)
x = np.random.normal(size=(640, 12)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("float32")
large = keras.initializers.RandomNormal(stddev=60.0)
model = keras.Sequential([keras.Input((12,))])
model.add(keras.layers.Dense(16, activation="tanh", kernel_initializer=large))  # NW302
model.add(keras.layers.Dense(16, activation="tanh", kernel_initializer=large))  # NW302
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
