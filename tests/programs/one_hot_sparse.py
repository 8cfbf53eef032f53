"""Irises one-hot under the cross-entropy that wants integers."""

import tensorflow as tf
from sklearn.datasets import load_iris

tf.keras.utils.set_random_seed(41)
x, y = load_iris(return_X_y=True)
y = tf.keras.utils.to_categorical(y)
model = tf.keras.Sequential([tf.keras.layers.Input((4,)), tf.keras.layers.Dense(3, activation="softmax")])
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")  # NW206
model.fit(x, y, epochs=3, verbose=0)
