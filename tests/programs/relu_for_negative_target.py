"""Temperatures in Celsius, half of them below 0, from a network that ends in a relu."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(35)
weather = np.random.normal(size=(500, 4)).astype("float32")
celsius = 6 * weather[:, 0] + 4 * weather[:, 1]

model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Input((4,)),
        tf.keras.layers.Dense(32, activation="relu"),
        tf.keras.layers.Dense(32, activation="relu"),
        tf.keras.layers.Dense(1, activation="relu"),  # NW203
    ]
)
model.compile(optimizer=tf.keras.optimizers.Adam(0.005), loss="mae")
model.fit(weather, celsius, epochs=10, verbose=0)
