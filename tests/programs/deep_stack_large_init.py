"""Forty linear layers whose weights start at a deviation of 1: the gradients leave float32."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(52)
x = np.random.normal(size=(320, 32)).astype("float32")
y = x[:, 0].copy()
model = keras.Sequential([keras.Input((32,))])
for _ in range(40):
    model.add(layers.Dense(64, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0)))  # NW306 NW304
model.add(layers.Dense(1))
model.compile(optimizer=keras.optimizers.SGD(1e-3), loss="mse")
model.fit(x, y, epochs=2, verbose=0)
