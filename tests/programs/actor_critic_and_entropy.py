"""Actor, critic and entropy in one loss, which is of either sign; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(607)
rng = np.random.default_rng(607)


class ActorCritic(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = layers.Dense(32, "tanh")
        self.policy = layers.Dense(3)
        self.value = layers.Dense(1)

    def call(self, s):
        h = self.body(s)
        return self.policy(h), self.value(h)

    def train_step(self, batch):
        s, a, ret = batch
        with tf.GradientTape() as tape:
            logits, value = self(s, training=True)
            log_p = tf.nn.log_softmax(logits)
            gain = tf.stop_gradient(ret - value[:, 0])
            taken = tf.reduce_sum(log_p * tf.one_hot(a, 3), axis=1)
            entropy = -tf.reduce_sum(tf.exp(log_p) * log_p, axis=1)
            loss = tf.reduce_mean(-taken * gain + 0.5 * (ret - value[:, 0]) ** 2 - 0.01 * entropy)
        v = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, v), v, strict=True))
        return {"objective": loss}


model = ActorCritic()
model.compile(keras.optimizers.Adam(3e-3))
for _ in range(15):
    s = rng.normal(size=(160, 4)).astype("float32")
    a = np.array([rng.choice(3, p=p / p.sum()) for p in tf.nn.softmax(model(s)[0]).numpy().astype("float64")])
    ret = np.where(a == np.digitize(s[:, 0], [-0.4, 0.4]), 1.0, -0.3).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((s, a, ret)).batch(32)
    model.fit(data, epochs=1, verbose=0)
