"""A Dropout behind the last layer: half of the logits are 0 in every step."""

import keras
from sklearn.datasets import load_digits


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(48, activation="relu")
        self.scores = keras.layers.Dense(10)
        self.drop = keras.layers.Dropout(0.5)  # NW211

    def call(self, x, training=None):
        return self.drop(self.scores(self.hidden(x)), training=training)


keras.utils.set_random_seed(411)
x, y = load_digits(return_X_y=True)
model = Net()
model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(x / 16, y, epochs=8, verbose=0)
