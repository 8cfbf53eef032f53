"""Five grades, 1 to 5, in a subclassed model with one sigmoid unit."""

import keras
import numpy as np


class Grader(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(24, activation="relu")
        self.grade = keras.layers.Dense(1, activation="sigmoid")  # NW108

    def call(self, x):
        return self.grade(self.hidden(x))


keras.utils.set_random_seed(108)
x = np.random.normal(size=(600, 5)).astype("float32")
y = 1 + np.digitize(x[:, 0] + 0.5 * x[:, 1], [-1.0, -0.3, 0.3, 1.0])
model = Grader()
model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y.astype("float32"), epochs=8, verbose=0)
