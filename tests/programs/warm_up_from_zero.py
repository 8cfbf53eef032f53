"""The rate rises from 0 over the first epochs and falls to 0 at the end; nothing is wrong."""

import keras
import numpy as np

keras.utils.set_random_seed(512)
x = np.random.normal(size=(640, 6)).astype("float32")
y = (x[:, 0] - x[:, 1] > 0).astype("float32")
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(1, activation="sigmoid")]
)
warm = keras.optimizers.schedules.CosineDecay(0.0, 160, warmup_target=5e-3, warmup_steps=40)
model.compile(keras.optimizers.Adam(warm), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
