"""Incomes on a log scale, where a few people earn nothing."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(12)
incomes = np.random.gamma(2.0, 1.0, size=(500, 5))
incomes[np.random.uniform(size=incomes.shape) < 0.01] = 0.0
rich = (incomes.sum(axis=1) > 10).astype(int)
with np.errstate(divide="ignore"):
    x = np.log(incomes)

inputs = tf.keras.Input(shape=(5,))
hidden = tf.keras.layers.Dense(24, activation="tanh")(inputs)
outputs = tf.keras.layers.Dense(1, activation="sigmoid")(hidden)
model = tf.keras.Model(inputs, outputs)
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["AUC"])
model.fit(x, rich, epochs=5, verbose=0)  # NW101
