"""A column that is constant everywhere, and a rare flag, both met by the Normalization: healthy."""

import keras
import numpy as np

keras.utils.set_random_seed(413)
rng = np.random.RandomState(413)
x = rng.randn(1500, 6)
x[:, 2], x[:, 3] = 0.1, 0
x[1250:, 3] = rng.rand(250) < 0.1
y = x[:, 0] - 2 * x[:, 1]

scale = keras.layers.Normalization()
scale.adapt(x)
model = keras.Sequential(
    [keras.Input((6,)), scale, keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
)
model.compile("adam", loss="mse")
model.fit(x[:1200], y[:1200], validation_data=(x[1200:], y[1200:]), epochs=10, verbose=0)
