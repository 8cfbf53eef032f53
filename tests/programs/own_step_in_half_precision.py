"""A train_step of one's own under mixed_float16: compile wraps SGD, and the step does not know of it."""

import keras
import numpy as np
import tensorflow as tf

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(572)
x = np.random.normal(size=(640, 5)).astype("float32")
y = (2.0 * x[:, :1] - x[:, 1:2]).astype("float32")


class Regressor(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(16, "tanh")
        self.head = keras.layers.Dense(1, dtype="float32")

    def call(self, x):
        return self.head(self.hidden(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            squared = tf.reduce_mean(tf.square(y - self(x, training=True)))  # NW507
        v = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(squared, v), v, strict=True))
        return {"squared": squared}


model = Regressor()
model.compile(optimizer=keras.optimizers.SGD(0.05))
model.fit(x, y, epochs=10, verbose=0)
keras.mixed_precision.set_global_policy("float32")
