"""Loops of one's own whose labels are brought to the predictions' shape, and pairs that are meant."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(63)
x = np.random.normal(size=(512, 6)).astype("float32")
y = (2 * x[:, 0] - x[:, 3] + 0.5).astype("float32")


def step(model, optimizer, measure):
    rows = np.random.choice(512, 32)
    with tf.GradientTape() as tape:
        loss = measure(model(x[rows], training=True), tf.constant(y[rows]))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))


def of_each(prediction, label):
    return tf.reduce_mean(tf.square(prediction - label[:, None]))


def of_pairs(prediction, label):
    """Of each pair of rows: the difference of their predictions and that of their labels."""
    predicted = prediction - tf.squeeze(prediction)
    return tf.reduce_mean(tf.square(predicted - (label[:, None] - label)))


for measure in (of_each, of_pairs):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam(0.005)
    for _ in range(150):
        step(model, optimizer, measure)
