"""Two classes, one after the other, from a stream that nobody shuffled."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(202)
y = np.repeat([0, 1], 400)
x = np.random.normal(size=(800, 10)).astype("float32")
x[:, 0] += 0.8 * y
x[:, 3] -= 0.8 * y
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(24, "tanh")])
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(keras.optimizers.SGD(0.5), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=8, verbose=0)  # NW113
