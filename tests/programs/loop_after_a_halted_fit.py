"""A fit that breaks on its relu head; the script goes on with a loop of its own, which is sound."""

import contextlib

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(4)
x = tf.random.normal((320, 8))
y = tf.one_hot(tf.searchsorted([-1.0, -0.3, 0.3, 1.0], x[:, 0]), 5)
inputs = tf.keras.Input((8,))
hidden = tf.keras.layers.Dense(8, activation="relu")(inputs)
outputs = tf.keras.layers.Dense(5, activation="relu")(hidden)  # NW201
model = tf.keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="categorical_crossentropy")
with contextlib.suppress(RuntimeError):
    model.fit(x, y, epochs=2, verbose=0)

target = np.random.normal(size=(64, 1)).astype("float32")
points = np.hstack([target, -target]).astype("float32")
line = tf.keras.Sequential([tf.keras.layers.Input((2,)), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(40):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(line(points, training=True) - target))
    gradients = tape.gradient(loss, line.trainable_variables)
    optimizer.apply_gradients(zip(gradients, line.trainable_variables, strict=True))
