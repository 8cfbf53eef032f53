"""The training pixels were divided by 255, the validation pixels were not."""

import keras
import numpy as np

keras.utils.set_random_seed(204)
y = np.random.randint(0, 2, 500)
x = np.random.randint(0, 200, (500, 10, 10, 1)).astype("float32")
x[y == 1, 2:6, 2:6] += 55
x_train, y_train = x[:400] / 255, y[:400]
x_val, y_val = x[400:], y[400:]
model = keras.Sequential([keras.Input((10, 10, 1)), keras.layers.Conv2D(8, 3, activation="relu")])
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=15, validation_data=(x_val, y_val), verbose=0)  # NW116
