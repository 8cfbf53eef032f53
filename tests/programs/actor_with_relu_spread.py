"""An actor whose relu head is the standard deviation of what it does: 0 for half of all states."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(11)


class Agent:
    def __init__(self):
        self.actor = self.build(2, "relu")
        self.critic = self.build(1, None)
        self.actor_opt = keras.optimizers.Adam(1e-3)
        self.critic_opt = keras.optimizers.Adam(1e-3)

    def build(self, out, activation):
        return keras.Sequential([keras.Input((3,)), layers.Dense(32, "tanh"), layers.Dense(out, activation)])

    @tf.function
    def learn(self, s, a, r):
        with tf.GradientTape() as ta, tf.GradientTape() as tc:
            mu, std = tf.split(self.actor(s), 2, axis=1)
            logp = -0.5 * ((a - mu) / std) ** 2 - tf.math.log(std)  # NW405
            v = self.critic(s)
            delta = r - v
            actor_loss = -tf.reduce_mean(logp * tf.stop_gradient(delta))
            critic_loss = tf.reduce_mean(delta**2)
        aw, cw = self.actor.trainable_variables, self.critic.trainable_variables
        self.actor_opt.apply_gradients(zip(ta.gradient(actor_loss, aw), aw, strict=False))
        self.critic_opt.apply_gradients(zip(tc.gradient(critic_loss, cw), cw, strict=False))


agent = Agent()
rng = np.random.default_rng(11)
for _step in range(30):
    s = tf.constant(rng.normal(size=(32, 3)), tf.float32)
    a = tf.constant(rng.normal(size=(32, 1)), tf.float32)
    agent.learn(s, a, -tf.abs(a - 0.3))
