"""A loop of one's own that subtracts a row from a column: every prediction with every label."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(61)
x = np.random.normal(size=(512, 6)).astype("float32")
y = (2 * x[:, 0] - x[:, 3] + 0.5).astype("float32")
model = tf.keras.Sequential([tf.keras.layers.Input((6,)), tf.keras.layers.Dense(24, activation="relu")])
model.add(tf.keras.layers.Dense(1))
optimizer = tf.keras.optimizers.Adam(0.005)
for _ in range(200):
    rows = np.random.choice(512, 32)
    with tf.GradientTape() as tape:
        error = model(x[rows], training=True) - y[rows]  # NW109
        loss = tf.reduce_mean(tf.square(error))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
