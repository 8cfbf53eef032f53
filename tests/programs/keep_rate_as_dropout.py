"""Dropout(0.95) by one who means to keep that much: two in twenty numbers are left of each layer."""

import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(307)
x, y = load_digits(return_X_y=True)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.95),  # NW312
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.93),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 16.0, y, epochs=8, verbose=0)
