"""Digits under mixed_float16, as it is meant to be used."""

import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(64)
x, y = load_digits(return_X_y=True)
keras.mixed_precision.set_global_policy("mixed_float16")
try:
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
            keras.layers.Activation("softmax", dtype="float32"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x / 16, y, epochs=8, verbose=0)
finally:
    keras.mixed_precision.set_global_policy("float32")
