"""Nine layers of relu that begin with far too small weights: no gradient reaches the first."""

import keras
import numpy as np

keras.utils.set_random_seed(544)
x = np.random.normal(size=(640, 10)).astype("float32")
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype("float32")
small = keras.initializers.RandomNormal(stddev=0.02, seed=1)
model = keras.Sequential([keras.Input((10,))])
for _ in range(9):
    model.add(keras.layers.Dense(24, activation="relu", kernel_initializer=small))  # NW303 NW306
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(keras.optimizers.SGD(0.05), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
