"""A rate that was rounded to three digits: 0.0003 became 0, and no weight moves."""

import keras
import numpy as np

keras.utils.set_random_seed(510)
settings = {"units": 12, "rate": round(0.0003, 3)}
x = np.random.normal(size=(500, 4)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("float32")
inputs = keras.Input((4,))
hidden = keras.layers.Dense(settings["units"], "relu")(inputs)
model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
model.compile(
    loss="binary_crossentropy",
    optimizer=keras.optimizers.RMSprop(settings["rate"]),  # NW508
    metrics=["accuracy"],
)
model.fit(x, y, epochs=10, verbose=0)
