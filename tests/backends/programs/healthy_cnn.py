"""A small network of pictures, with BatchNormalization, made as a functional model, from a generator."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.random(size=(256, 12, 12, 1)).astype("float32")
y = rng.integers(0, 3, size=256)
x[np.arange(256), y * 4, 3] += 2.0


class Pictures(keras.utils.PyDataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        rows = slice(index * 32, index * 32 + 32)
        return x[rows], y[rows]


inputs = keras.layers.Input((12, 12, 1))
hidden = keras.layers.Conv2D(8, 3, padding="same")(inputs)
hidden = keras.layers.BatchNormalization()(hidden)
hidden = keras.layers.ReLU()(hidden)
hidden = keras.layers.MaxPooling2D(2)(hidden)
hidden = keras.layers.Flatten()(hidden)
model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(Pictures(), epochs=8, verbose=0)
print(sorted(history.history), len(history.history["loss"]))
print(float(np.sum([np.abs(weight).sum() for weight in model.get_weights()])))
