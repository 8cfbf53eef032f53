"""Digits in, digits out, with grey values from 0 to 16 under a sigmoid and cross-entropy."""

import tensorflow as tf
from sklearn.datasets import load_digits

tf.keras.utils.set_random_seed(73)
x = load_digits().images[..., None]
inputs = tf.keras.Input((8, 8, 1))
code = tf.keras.layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
outputs = tf.keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(code)
model = tf.keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="binary_crossentropy")
model.fit(x, x, epochs=10, batch_size=64, verbose=0)  # NW108
