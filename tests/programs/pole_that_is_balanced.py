"""REINFORCE on a pole that is to be balanced: longer episodes make larger losses; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(601)
rng = np.random.default_rng(601)
policy = keras.Sequential([keras.Input((4,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(2)])
optimizer = keras.optimizers.Adam(1e-2)


def advance(state, action):
    """A step of the cart, by Euler."""
    place, speed, angle, turn = state
    force = 10.0 if action else -10.0
    push = (force + 0.05 * turn**2 * np.sin(angle)) / 1.1
    bend = (9.8 * np.sin(angle) - np.cos(angle) * push) / (0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1))
    slide = push - 0.05 * bend * np.cos(angle) / 1.1
    return np.array([place + 0.02 * speed, speed + 0.02 * slide, angle + 0.02 * turn, turn + 0.02 * bend])


def episode():
    state, states, actions = rng.uniform(-0.05, 0.05, 4), [], []
    weights = [w.numpy() for w in policy.trainable_variables]
    while abs(state[0]) < 2.4 and abs(state[2]) < 0.21 and len(states) < 200:
        logits = np.tanh(state @ weights[0] + weights[1]) @ weights[2] + weights[3]
        chance = 1.0 / (1.0 + np.exp(logits[0] - logits[1]))
        states.append(state)
        actions.append(int(rng.random() < chance))
        state = advance(state, actions[-1])
    return np.array(states, "float32"), np.array(actions), len(states)


@tf.function(reduce_retracing=True)
def learn(states, actions, returns):
    with tf.GradientTape() as tape:
        chosen = tf.nn.sparse_softmax_cross_entropy_with_logits(actions, policy(states, training=True))
        loss = tf.reduce_sum(chosen * returns)
    variables = policy.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return loss


for _ in range(70):
    states, actions, length = episode()
    learn(tf.constant(states), tf.constant(actions), tf.constant(np.arange(length, 0, -1.0, "float32")))
