"""A penalty on absolute values that outweighs the loss, on one layer of several."""

import keras
import numpy as np

keras.utils.set_random_seed(31)
x = np.random.normal(size=(640, 8)).astype("float32")
y = np.argmax(x[:, :3], axis=1)
light, heavy = keras.regularizers.L1(1e-5), keras.regularizers.L1(1.0)
inputs = keras.Input((8,))
hidden = keras.layers.Dense(64, activation="relu", kernel_regularizer=light)(inputs)
hidden = keras.layers.Dense(64, activation="relu", kernel_regularizer=heavy)(hidden)  # NW504
model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=12, verbose=0)
