"""A train_step of the script's own gives softmax outputs to TensorFlow's loss for logits."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(410)
centres = 2.0 * np.random.normal(size=(12, 24))
label = np.random.randint(0, 12, 1800).astype("int32")
x = (centres[label] + np.random.normal(size=(1800, 24))).astype("float32")


class Sorter(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(48, activation="relu")
        self.share = keras.layers.Dense(12, activation="softmax")  # NW205
        self.mean = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.mean]

    def call(self, inputs):
        return self.share(self.hidden(inputs))

    def train_step(self, data):
        inputs, wanted = data
        with tf.GradientTape() as tape:
            given = self(inputs, training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=wanted, logits=given)
            loss = tf.reduce_mean(loss)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.mean.update_state(loss)
        return {"loss": self.mean.result()}


model = Sorter()
model.compile(optimizer=keras.optimizers.SGD(0.03))
model.fit(x, label, epochs=10, verbose=0)
