"""A training loop of one's own with a GradientTape; it converges."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(56)
x = np.random.normal(size=(256, 6)).astype("float32")
y = (x @ np.array([1, -2, 0.5, 0, 0, 1], "float32")).reshape(-1, 1)
model = tf.keras.Sequential(
    [tf.keras.layers.Input((6,)), tf.keras.layers.Dense(16, activation="tanh"), tf.keras.layers.Dense(1)]
)
optimizer = tf.keras.optimizers.SGD(0.05)
for _ in range(120):
    rows = np.random.choice(256, 32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x[rows], training=True) - y[rows]))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
