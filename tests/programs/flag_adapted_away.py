"""A flag that is 0 in all rows that the Normalization was adapted to, and 1 in some of the validation."""

import keras
import numpy as np

keras.utils.set_random_seed(412)
rng = np.random.RandomState(412)
x = rng.randn(1500, 6)
x[:, 3] = 0
x[1250:, 3] = rng.rand(250) < 0.1
y = x[:, 0] - 2 * x[:, 1]

scale = keras.layers.Normalization()  # NW120
scale.adapt(x[:1200])
model = keras.Sequential(
    [keras.Input((6,)), scale, keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
)
model.compile("adam", loss="mse")
model.fit(x[:1200], y[:1200], validation_data=(x[1200:], y[1200:]), epochs=10, verbose=0)
