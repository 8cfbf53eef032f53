"""A function of the script's own in a ``train_step``: forward it is a call, backward another."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
x = np.random.normal(size=(128, 6)).astype("float32")
y = np.random.normal(size=(128, 1)).astype("float32")
x[70] = 0.0


class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(4, use_bias=False)
        self.last = keras.layers.Dense(1)

    @tf.function
    def lengths(self, rows):
        return tf.sqrt(tf.reduce_sum(tf.square(rows), axis=1, keepdims=True))  # op: SqrtGrad backward

    def call(self, rows):
        return self.last(self.lengths(self.hidden(rows)))

    def train_step(self, data):
        rows, targets = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(rows) - targets))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


model = Model()
model.compile(keras.optimizers.SGD(0.01))
model.fit(x, y, shuffle=False, verbose=0)
