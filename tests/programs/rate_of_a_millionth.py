"""SGD at a millionth, meant for another model: 600 steps move nothing."""

import keras
import numpy as np

keras.utils.set_random_seed(304)
x = np.random.normal(size=(1200, 5)).astype("float32")
y = (x[:, 0] * x[:, 1] + x[:, 2]).astype("float32")
model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
)
model.compile(keras.optimizers.SGD(learning_rate=1e-6, momentum=0.5), loss="mse")  # NW502
model.fit(x, y, epochs=16, verbose=0)
