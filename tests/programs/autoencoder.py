"""Digits in, digits out: a sigmoid and cross-entropy on grey values between 0 and 1."""

import tensorflow as tf
from sklearn.datasets import load_digits

tf.keras.utils.set_random_seed(73)
x = load_digits().data / 16
inputs = tf.keras.Input((64,))
code = tf.keras.layers.Dense(16, activation="relu")(inputs)
outputs = tf.keras.layers.Dense(64, activation="sigmoid")(code)
model = tf.keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="binary_crossentropy")
model.fit(x, x, epochs=10, batch_size=64, verbose=0)
