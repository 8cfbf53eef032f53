"""A loop by hand over a table of which one column is in cents."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
x = rng.normal(size=(800, 6)).astype("float32")
y = (x[:, :1] + x[:, 1:2] > 0).astype("float32")
x[:, 3] *= 4000
batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(800, seed=5).batch(32)

model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")]
)
optimizer, measure = keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy()


@tf.function
def train_step(rows, labels):
    with tf.GradientTape() as tape:
        loss = measure(labels, model(rows, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return loss


for _ in range(15):
    for rows, labels in batches:
        train_step(rows, labels)  # NW105
