"""Sigmoids under categorical cross-entropy on one-hot labels: not by the book, and it trains."""

import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(69)
x, y = load_digits(return_X_y=True)
model = keras.Sequential(
    [keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, activation="sigmoid")]
)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 16, keras.utils.to_categorical(y), epochs=10, verbose=0)
