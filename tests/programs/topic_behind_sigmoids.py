"""Two branches from one table; that of the topic goes through four sigmoids, and stays at its first guess."""

import keras
import numpy as np
from keras import layers


class Reader(keras.Model):
    def __init__(self):
        super().__init__()
        self.trunk = layers.Dense(16, activation="relu")
        self.deep = [layers.Dense(16, activation="sigmoid") for _ in range(4)]  # NW303
        self.spam = layers.Dense(1, activation="sigmoid")
        self.topic = layers.Dense(3, activation="softmax")

    def call(self, x):
        seen = deep = self.trunk(x)
        for layer in self.deep:
            deep = layer(deep)
        return {"spam": self.spam(seen), "topic": self.topic(deep)}


keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(800, 6)).astype("float32")
labels = {"spam": (x[:, 0] + x[:, 1] > 0).astype("float32"), "topic": np.digitize(x[:, 2], [-0.5, 0.5])}
model = Reader()
losses = {"spam": "binary_crossentropy", "topic": "sparse_categorical_crossentropy"}
model.compile(keras.optimizers.SGD(0.1), losses, metrics={"spam": "accuracy", "topic": "accuracy"})
model.fit(x, labels, epochs=20, verbose=0)
