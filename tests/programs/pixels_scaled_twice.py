"""Pixels that were divided by 255 where they were loaded, and once more before the fit."""

import keras
from sklearn.datasets import load_digits


def loaded():
    digits = load_digits()
    return (digits.images / 16.0 / 255.0).astype("float32"), digits.target


keras.utils.set_random_seed(302)
images, target = loaded()
model = keras.Sequential(
    [
        keras.Input((8, 8)),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(keras.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(images / 255.0, target, epochs=12, verbose=0)  # NW105
