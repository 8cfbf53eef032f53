"""A penalty on what a layer gives out: it learns to give nothing."""

import keras
import numpy as np

keras.utils.set_random_seed(32)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(32, activation="relu")])
heavy = keras.regularizers.L2(20.0)
model.add(keras.layers.Dense(32, activation="relu", activity_regularizer=heavy))  # NW504
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=12, verbose=0)
