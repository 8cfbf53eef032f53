"""A model with a train_step of its own, compiled as usual."""

import keras
import numpy as np
import tensorflow as tf


class Regression(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(24, activation="gelu")
        self.head = keras.layers.Dense(1)

    def call(self, x, training=False):
        return self.head(self.hidden(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            prediction = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=prediction)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, prediction)
        return {metric.name: metric.result() for metric in self.metrics}


keras.utils.set_random_seed(81)
x = np.random.normal(size=(512, 5)).astype("float32")
y = (np.sin(x[:, :1]) + 0.1 * np.random.normal(size=(512, 1))).astype("float32")
model = Regression()
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="huber", metrics=["mae"])
model.fit(x, y, epochs=10, verbose=0)
