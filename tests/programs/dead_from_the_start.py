"""Digits and a hidden layer whose bias starts at -40: no unit ever fires."""

import keras
from keras import initializers, layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(50)
x, y = load_digits(return_X_y=True)
model = keras.Sequential(
    [
        keras.Input((64,)),
        layers.Dense(32, activation="relu", bias_initializer=initializers.Constant(-40)),  # NW301
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 16, y, epochs=6, verbose=0)
