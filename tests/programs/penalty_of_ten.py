"""A penalty on the weights that outweighs the loss: they go to zero, and the answer is one for all."""

import keras
import numpy as np

keras.utils.set_random_seed(213)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
heavy = keras.regularizers.L2(10.0)
model = keras.Sequential([keras.Input((8,))])
model.add(keras.layers.Dense(32, activation="relu", kernel_regularizer=heavy))  # NW504
model.add(keras.layers.Dense(1, activation="sigmoid", kernel_regularizer=heavy))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=20, verbose=0)
