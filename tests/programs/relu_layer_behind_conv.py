"""Digits with a convolution; the last activation is a layer of its own, and it is a ReLU."""

import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(30)
x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1) / 16
y = keras.utils.to_categorical(y)

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
        keras.layers.ReLU(),  # NW201
    ]
)
model.compile(keras.optimizers.Adam(), "categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)
