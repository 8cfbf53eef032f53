"""Two faults: a sigmoid head, and rents in hundreds; to mend one alone leaves it where it was."""

import keras
import numpy as np

keras.utils.set_random_seed(411)
x = np.random.normal(size=(1400, 9)).astype("float32")
rent = (900.0 + 260.0 * x[:, 0] - 180.0 * x[:, 1] * (x[:, 2] > 0)).astype("float32")
model = keras.Sequential(
    [
        keras.Input((9,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),  # NW203
    ]
)
model.compile("adam", loss="mse")
model.fit(x, rent, epochs=12, verbose=0)  # NW106
