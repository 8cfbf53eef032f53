"""Half precision in a loop: the optimizer takes off a scale that nobody has put on the loss."""

import keras
import numpy as np
import tensorflow as tf

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(571)
rng = np.random.default_rng(571)
x = rng.normal(size=(640, 6)).astype("float32")
y = (x[:, :1] - x[:, 1:2] > 0).astype("float32")
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, dtype="float32")]
)
optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1))
loss_function = keras.losses.BinaryCrossentropy(from_logits=True)


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = loss_function(y, model(x, training=True))  # NW507
    v = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))


for _epoch in range(10):
    for rows in np.split(rng.permutation(640), 20):
        step(tf.constant(x[rows]), tf.constant(y[rows]))
keras.mixed_precision.set_global_policy("float32")
