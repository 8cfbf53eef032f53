"""The minus of the policy loss is missing: what is rewarded becomes ever less likely, without a floor."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(613)
rng = np.random.default_rng(613)
s = rng.normal(size=(512, 4)).astype("float32")
a = (s[:, 0] > 0).astype("int32")
reward = rng.uniform(0.5, 1.5, size=512).astype("float32")


class Policy(keras.Model):
    def __init__(self):
        super().__init__()
        self.net = keras.Sequential([keras.layers.Dense(32, "relu"), keras.layers.Dense(2)])

    def call(self, s):
        return self.net(s)

    def train_step(self, batch):
        s, a, reward = batch
        with tf.GradientTape() as tape:
            log_p = tf.nn.log_softmax(self(s, training=True))
            loss = tf.reduce_mean(tf.reduce_sum(log_p * tf.one_hot(a, 2), axis=1) * reward)  # NW510
        v = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))
        return {"objective": loss}


model = Policy()
model.compile(keras.optimizers.Adam(1e-2))
model.fit(tf.data.Dataset.from_tensor_slices((s, a, reward)).batch(32), epochs=25, verbose=0)
