"""A softmax and from_logits=True: Keras takes the logits behind the softmax. It trains."""

import keras
import numpy as np

keras.utils.set_random_seed(68)
x = np.random.normal(size=(640, 8)).astype("float32")
y = np.digitize(x[:, 0], [-1.0, -0.3, 0.3, 1.0])
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(5, activation="softmax")]
)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(x, y, epochs=15, verbose=0)
