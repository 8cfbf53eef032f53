"""Q-learning with a target network, the Huber loss and a rate that suits it."""

import random
from collections import deque

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

SEED = 7
keras.utils.set_random_seed(SEED)

N, GOAL, MAX_STEPS = 5, (4, 4), 25
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


def encode(pos):
    s = np.zeros(N * N, "float32")
    s[pos[0] * N + pos[1]] = 1.0
    return s


def env_step(pos, action):
    r = min(max(pos[0] + MOVES[action][0], 0), N - 1)
    c = min(max(pos[1] + MOVES[action][1], 0), N - 1)
    done = (r, c) == GOAL
    return (r, c), (1.0 if done else -0.02), done


def q_network():
    return keras.Sequential(
        [
            layers.Input((N * N,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(4, activation="linear"),
        ]
    )


model, target = q_network(), q_network()
target.set_weights(model.get_weights())
optimizer = keras.optimizers.Adam(learning_rate=2e-3, clipnorm=1.0)
huber = keras.losses.Huber()
gamma, batch_size = 0.95, 32
buffer = deque(maxlen=3000)


@tf.function
def update(s, a, r, s2, d):
    future = tf.reduce_max(target(s2, training=False), axis=1)
    goal_q = r + gamma * (1.0 - d) * future
    with tf.GradientTape() as tape:
        q = tf.reduce_sum(model(s, training=True) * tf.one_hot(a, 4), axis=1)
        loss = huber(goal_q, q)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=False))
    return loss


predict = tf.function(lambda s: model(s, training=False))
steps, returns, losses = 0, [], []
for episode in range(180):
    pos, total = (random.randrange(N), random.randrange(N - 1)), 0.0
    eps = max(0.05, 1.0 - episode / 90)
    for _ in range(MAX_STEPS):
        s = encode(pos)
        action = random.randrange(4) if random.random() < eps else int(tf.argmax(predict(s[None])[0]))
        pos, reward, done = env_step(pos, action)
        buffer.append((s, action, reward, encode(pos), float(done)))
        total += reward
        steps += 1
        if len(buffer) >= 200:
            s_, a_, r_, s2_, d_ = zip(*random.sample(buffer, batch_size), strict=False)
            losses.append(
                float(
                    update(
                        tf.constant(np.stack(s_)),
                        tf.constant(a_, tf.int32),
                        tf.constant(r_, tf.float32),
                        tf.constant(np.stack(s2_)),
                        tf.constant(d_, tf.float32),
                    )
                )
            )
        if steps % 100 == 0:
            target.set_weights(model.get_weights())
        if done:
            break
    returns.append(total)
