"""A loop over columns inside the compiled step, and the slope of its roots."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
x = np.random.uniform(0, 1, size=(128, 10)).astype("float32")
x[100, 5] = 0.0
y = np.random.normal(size=(128,)).astype("float32")
gate = keras.layers.Dense(10, use_bias=False)
gate.build((None, 10))
optimizer = keras.optimizers.SGD(1e-3)


@tf.function
def step(rows, targets):
    with tf.GradientTape() as tape:
        weighed = rows * tf.sigmoid(gate(rows))
        total = tf.zeros(tf.shape(rows)[0])
        for column in tf.range(10):
            total += tf.sqrt(weighed[:, column])  # op: SqrtGrad backward
        loss = tf.reduce_mean(tf.square(total - targets))
    gradients = tape.gradient(loss, gate.trainable_variables)
    optimizer.apply_gradients(zip(gradients, gate.trainable_variables, strict=True))


for first in range(0, 128, 32):
    step(x[first : first + 32], y[first : first + 32])
