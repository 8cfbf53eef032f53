"""First the head alone, then everything at a tenth of the rate: two fits of one model."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(80)
x = np.random.normal(size=(400, 12)).astype("float32")
y = np.argmax(x[:, :4], axis=1)
body = keras.Sequential([keras.Input((12,)), layers.Dense(32, "relu"), layers.Dense(32, "relu")])
body.trainable = False
model = keras.Sequential([body, layers.Dense(4, "softmax")])
model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=4, verbose=0)
body.trainable = True
model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, verbose=0)
