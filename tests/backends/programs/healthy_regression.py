"""A regression by a subclassed model with two inputs in a dict, and an L2 penalty."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
given = {
    "width": rng.normal(size=(256, 4)).astype("float32"),
    "height": rng.normal(size=(256, 4)).astype("float32"),
}
y = given["width"].sum(axis=1, keepdims=True) - given["height"][:, :1]


class Area(keras.Model):
    def __init__(self):
        super().__init__()
        penalty = keras.regularizers.L2(1e-4)
        self.hidden = keras.layers.Dense(32, activation="tanh", kernel_regularizer=penalty)
        self.out = keras.layers.Dense(1)

    def call(self, inputs):
        together = keras.ops.concatenate([inputs["width"], inputs["height"]], axis=-1)
        return self.out(self.hidden(together))


model = Area()
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
history = model.fit(given, y, epochs=12, batch_size=32, verbose=0)
print(sorted(history.history), len(history.history["loss"]))
print(float(np.sum([np.abs(weight).sum() for weight in model.get_weights()])))
