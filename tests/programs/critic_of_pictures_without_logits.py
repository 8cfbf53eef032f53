"""A train_step with two networks: the loss of the second one's logits is not told that they are logits."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(12)
real = np.random.normal([2.0, -1.0], 0.3, (1280, 2)).astype("float32")


class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.maker = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2)]
        )
        self.judge = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
        )
        self.mean = keras.metrics.Mean(name="judged")

    def compile(self, made_by, judged_by, loss_fn):
        super().compile()
        self.made_by, self.judged_by, self.loss_fn = made_by, judged_by, loss_fn

    def train_step(self, data):
        size = tf.shape(data)[0]
        both = tf.concat([self.maker(tf.random.normal((size, 4))), data], axis=0)
        labels = tf.concat([tf.ones((size, 1)), tf.zeros((size, 1))], axis=0)
        with tf.GradientTape() as tape:
            loss = self.loss_fn(labels, self.judge(both))
        gradients = tape.gradient(loss, self.judge.trainable_variables)
        self.judged_by.apply_gradients(zip(gradients, self.judge.trainable_variables, strict=True))
        with tf.GradientTape() as tape:
            fooled = self.loss_fn(tf.zeros((size, 1)), self.judge(self.maker(tf.random.normal((size, 4)))))
        gradients = tape.gradient(fooled, self.maker.trainable_variables)
        self.made_by.apply_gradients(zip(gradients, self.maker.trainable_variables, strict=True))
        self.mean.update_state(loss)
        return {"judged": self.mean.result()}


model = Pair()
model.compile(
    made_by=keras.optimizers.Adam(1e-3),
    judged_by=keras.optimizers.Adam(1e-3),
    loss_fn=keras.losses.BinaryCrossentropy(),  # NW204
)
model.fit(tf.data.Dataset.from_tensor_slices(real).batch(64), epochs=8, verbose=0)
