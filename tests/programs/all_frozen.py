"""A network that was frozen layer by layer and never thawed."""

import keras
import numpy as np

keras.utils.set_random_seed(57)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, activation="sigmoid")]
)
for layer in model.layers:
    layer.trainable = False  # NW503
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)
