"""One sigmoid unit under categorical cross-entropy: the loss is 0.0 from the first step."""

import keras
import numpy as np

keras.utils.set_random_seed(43)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, :1] + x[:, 1:2] > 0).astype("float32")
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),  # NW207
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])  # NW207
model.fit(x, y, epochs=5, verbose=0)
