"""A batch without a row, in a model that takes no mean over its rows: the step is empty, and that is all."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(221)
x = np.random.normal(size=(320, 6)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]
x[96:128, 1] = -9.0


def known(rows, labels):
    kept = rows[:, 1] > -5.0
    return tf.boolean_mask(rows, kept), tf.boolean_mask(labels, kept)


data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32).map(known)
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, activation="sigmoid")]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=6, verbose=0)
