"""A whole epoch in one function: the step is in a function that a loop over the dataset calls."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
x = np.random.normal(size=(160, 6)).astype("float32")
y = np.abs(np.random.normal(size=(160, 1))).astype("float32")
y[100] = 0.0
batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
optimizer = keras.optimizers.SGD(0.01)


def compare(predicted, targets):
    return tf.reduce_mean(tf.square(predicted - tf.math.log(targets)))  # op: Log forward


@tf.function
def step(rows, targets):
    with tf.GradientTape() as tape:
        loss = compare(net(rows), targets)
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
    return loss


@tf.function
def epoch():
    total = 0.0
    for rows, targets in batches:
        total += step(rows, targets)
    return total


epoch()
