"""The same weights the right way round, and a rare class that is hard to tell from the other."""

import keras
import numpy as np

keras.utils.set_random_seed(414)
x = np.random.normal(size=(2400, 10)).astype("float32")
ill = x[:, 0] + np.random.normal(0, 1.5, 2400) > 2.4
y = ill.astype("float32")
share = float(y.mean())
model = keras.Sequential(
    [
        keras.Input((10,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, class_weight={0: 0.5 / (1 - share), 1: 0.5 / share}, verbose=0)
