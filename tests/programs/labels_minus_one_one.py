"""A classifier in the manner of a support vector machine: labels -1 and 1 under cross-entropy."""

import keras
import numpy as np


class Classifier(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(16, activation="relu")
        self.head = keras.layers.Dense(1, activation="sigmoid")

    def call(self, x):
        return self.head(self.hidden(x))


keras.utils.set_random_seed(26)
x = np.random.normal(size=(640, 8)).astype("float32")
y = np.sign(x[:, 0] + x[:, 1])
model = Classifier()
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)  # NW108
