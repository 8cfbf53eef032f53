"""Spam or not, from counts of words; the last layer has no activation."""

import numpy as np
from tensorflow import keras

keras.utils.set_random_seed(39)
words = np.random.poisson(0.5, size=(600, 40)).astype("float32")
spam = (words[:, :5].sum(axis=1) > words[:, 5:10].sum(axis=1)).astype("float32")

inputs = keras.Input((40,))
x = keras.layers.Dense(24, activation="relu")(inputs)
x = keras.layers.Dropout(0.2)(x)
outputs = keras.layers.Dense(1)(x)  # NW204
model = keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(), metrics=["accuracy"])  # NW204
model.fit(words, spam, epochs=8, verbose=0)
