"""More than half of a layer dropped, and learned all the same."""

import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(313)
x, y = load_digits(return_X_y=True)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.6),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 16.0, y, epochs=6, verbose=0)
