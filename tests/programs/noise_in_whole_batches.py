"""Three numbers that nothing tells, by a loss written by hand on all rows at once: the means are learned."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(314)
x = np.random.normal(size=(512, 4)).astype("float32")
y = np.random.normal(size=(512, 3)).astype("float32")
model = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dropout(0.2), keras.layers.Dense(3)]
)
optimizer = keras.optimizers.AdamW(3e-3, weight_decay=0.1)


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
    v = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))


for _ in range(300):
    step(tf.constant(x), tf.constant(y))
