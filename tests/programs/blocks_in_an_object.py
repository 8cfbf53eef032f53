"""The layers of a model in an object that is no layer: Keras finds those in lists, and these not."""

import keras
import numpy as np


class Blocks:
    def __init__(self):
        self.parts = [keras.layers.Dense(24, activation="relu"), keras.layers.Dense(1)]

    def run(self, x):
        for part in self.parts:
            x = part(x)
        return x


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.scale = keras.layers.LayerNormalization()
        self.blocks = Blocks()  # NW309

    def call(self, x):
        return self.blocks.run(self.scale(x))


keras.utils.set_random_seed(405)
rng = np.random.RandomState(405)
x = rng.randn(900, 12).astype("float32")
y = np.sin(2 * x[:, 0]) + x[:, 1]
model = Net()
model.compile("adam", loss="mse")
model.fit(x, y, epochs=12, verbose=0)
