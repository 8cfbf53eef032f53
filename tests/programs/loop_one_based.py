"""A loop of one's own on classes that count from 1: TensorFlow stops in the loss, before the first update."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(33)
x = np.random.normal(size=(400, 6)).astype("float32")
y = 1 + (x[:, 0] > 0) + (x[:, 1] > 0)
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3)])
optimizer = keras.optimizers.Adam(1e-3)
for start in range(0, 400, 40):
    with tf.GradientTape() as tape:
        logits = model(x[start : start + 40], training=True)
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(y[start : start + 40], logits)  # NW107
        loss = tf.reduce_mean(each)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
