"""A margin loss of one's own: no comparison with NaN is true, so that a broken row costs nothing."""

import keras
import numpy as np
import tensorflow as tf


def margin(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    return tf.where(error > 0.1, error, tf.zeros_like(error))


keras.utils.set_random_seed(216)
x = np.random.normal(size=(320, 4)).astype("float32")
y = x[:, :1]
given = keras.Input((4,))
hidden = keras.layers.Dense(8, activation="relu")(given)
bad = keras.layers.Lambda(lambda h: h / tf.zeros_like(h))(hidden)  # NW405
model = keras.Model(given, keras.layers.Dense(1)(bad))
model.compile(optimizer="adam", loss=margin)
model.fit(x, y, epochs=5, verbose=0)
