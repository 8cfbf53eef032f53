"""A policy is improved by ratios of probabilities, beside its value net; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(10)
obs = keras.Input((4,))
h = layers.Dense(32, "tanh")(obs)
policy = keras.Model(obs, layers.Dense(2)(h))
value = keras.Sequential([keras.Input((4,)), layers.Dense(32, "tanh"), layers.Dense(1)])
p_opt, v_opt = keras.optimizers.Adam(3e-3), keras.optimizers.Adam(1e-2)


def log_prob(logits, a):
    return tf.reduce_sum(tf.nn.log_softmax(logits) * tf.one_hot(a, 2), axis=1)


@tf.function
def update(s, a, old, adv, ret):
    with tf.GradientTape() as tape:
        ratio = tf.exp(log_prob(policy(s), a) - old)
        clipped = tf.clip_by_value(ratio, 0.8, 1.2)
        p_loss = -tf.reduce_mean(tf.minimum(ratio * adv, clipped * adv))
    p_opt.apply_gradients(
        zip(tape.gradient(p_loss, policy.trainable_variables), policy.trainable_variables, strict=False)
    )
    with tf.GradientTape() as tape:
        v_loss = tf.reduce_mean((ret - value(s)[:, 0]) ** 2)
    v_opt.apply_gradients(
        zip(tape.gradient(v_loss, value.trainable_variables), value.trainable_variables, strict=False)
    )


rng = np.random.default_rng(10)
for _it in range(10):
    s = rng.normal(size=(64, 4)).astype("float32")
    a = rng.integers(0, 2, 64)
    ret = (s[:, 0] * (2 * a - 1)).astype("float32")
    adv = ret - value(s)[:, 0].numpy()
    old = log_prob(policy(s), a).numpy()
    old = old * 1.0
    for _ in range(4):
        update(tf.constant(s), tf.constant(a), tf.constant(old), tf.constant(adv), tf.constant(ret))
