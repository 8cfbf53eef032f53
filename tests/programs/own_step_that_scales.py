"""A train_step of one's own under mixed_float16 that scales its loss, as Keras's own does; healthy."""

import keras
import numpy as np
import tensorflow as tf

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(573)
x = np.random.normal(size=(640, 5)).astype("float32")
y = np.digitize(x[:, 0] + x[:, 1], [-0.7, 0.7])


class Classifier(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(16, "relu")
        self.head = keras.layers.Dense(3, dtype="float32")

    def call(self, x):
        return self.head(self.hidden(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
            scaled = self.optimizer.scale_loss(loss)
        v = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, v), v)
        self._loss_tracker.update_state(loss)
        return {m.name: m.result() for m in self.metrics}


model = Classifier()
model.compile(keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, y, epochs=10, verbose=0)
keras.mixed_precision.set_global_policy("float32")
