"""Features that the script itself shuts off from the loss: the head learns on them, as was meant."""

import keras
import numpy as np

keras.utils.set_random_seed(222)
x = np.random.normal(size=(640, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
given = keras.Input((8,))
features = keras.layers.Dense(64, activation="relu")(given)
kept = keras.layers.Lambda(keras.ops.stop_gradient)(features)
model = keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(kept))
model.compile(keras.optimizers.Adam(1e-2), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
