"""Two views of each row are to be near: a loss of cosines at a temperature; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(605)
rng = np.random.default_rng(605)
x = rng.normal(size=(512, 12)).astype("float32")
encoder = keras.Sequential(
    [
        keras.Input((12,)),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(8),
        keras.layers.UnitNormalization(),
    ]
)
optimizer = keras.optimizers.Adam(2e-3)


@tf.function
def step(left, right):
    with tf.GradientTape() as tape:
        likeness = tf.matmul(encoder(left, training=True), encoder(right, training=True), transpose_b=True)
        rows = tf.range(tf.shape(likeness)[0])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(rows, likeness / 0.1)
        loss = tf.reduce_mean(loss)
    v = encoder.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))
    return loss


for _epoch in range(12):
    for batch in np.split(rng.permutation(x), 8):
        noise = rng.normal(0, 0.3, (2, *batch.shape)).astype("float32")
        step(tf.constant(batch + noise[0]), tf.constant(batch + noise[1]))
