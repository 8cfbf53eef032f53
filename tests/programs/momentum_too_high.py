"""Digits and a convolution; SGD with momentum, its rate given inside compile."""

import tensorflow as tf
from sklearn.datasets import load_digits
from tensorflow.keras import layers

tf.keras.utils.set_random_seed(55)
x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1) / 16
model = tf.keras.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(10),
    ]
)
model.compile(
    optimizer=tf.keras.optimizers.SGD(learning_rate=4.0, momentum=0.9),  # NW501
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(x, y, epochs=4, batch_size=64, verbose=0)
