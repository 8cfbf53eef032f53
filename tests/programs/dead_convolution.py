"""Positive pixels and a kernel that starts negative everywhere: the convolution gives zeros."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Conv2D, Dense, GlobalAveragePooling2D, Input

tf.keras.utils.set_random_seed(51)
pictures = np.random.uniform(0.1, 1.0, size=(300, 10, 10, 1)).astype("float32")
bright = (pictures.mean(axis=(1, 2, 3)) > 0.55).astype("float32")
below_zero = tf.keras.initializers.RandomUniform(-0.6, -0.2)

model = Sequential()
model.add(Input((10, 10, 1)))
model.add(Conv2D(12, 3, activation="relu", kernel_initializer=below_zero))  # NW301
model.add(GlobalAveragePooling2D())
model.add(Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(pictures, bright, epochs=6, verbose=0)
