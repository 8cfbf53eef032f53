"""Three classes for a single sigmoid unit."""

import keras
import numpy as np

keras.utils.set_random_seed(27)
x = np.random.normal(size=(640, 8)).astype("float32")
y = np.digitize(x[:, 0], [-0.5, 0.5])
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),  # NW108
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])  # NW206
model.fit(x, y, epochs=10, verbose=0)
