"""A trained layer goes on with LoRA."""

import sys

import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 32)).astype("float32")
y = x[:, :3] @ rng.normal(size=(3, 1)).astype("float32")
wide = keras.layers.Dense(32, activation="tanh")
model = keras.Sequential([keras.Input((32,)), wide, keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y, epochs=5, verbose=0)
wide.enable_lora(4)
rate = 1e4 if "sick" in sys.argv else 1e-3
model.compile(keras.optimizers.SGD(rate), "mse")  # NW501
model.fit(x, y, epochs=5, verbose=0)
