"""A train_step of the script's own, whose optimizer was given the weight decay for its rate."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(403)
x = np.random.normal(size=(1600, 6)).astype("float32")
y = (x[:, :1] * x[:, 1:2] + x[:, 2:3]).astype("float32")


class Regressor(keras.Model):
    mean = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.mean]

    def train_step(self, data):
        inputs, wanted = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(wanted - self(inputs, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.mean.update_state(loss)
        return {"loss": self.mean.result()}


given = keras.Input((6,))
answer = keras.layers.Dense(1)(keras.layers.Dense(32, activation="relu")(given))
model = Regressor(given, answer)
model.compile(optimizer=keras.optimizers.Adam(1e-6))  # NW502
model.fit(x, y, epochs=10, verbose=0)
