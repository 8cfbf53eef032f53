"""Q-learning in a loop, with a target and a value of one shape: of four units one is picked."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(18)
states = np.random.uniform(-1.0, 1.0, (600, 3)).astype("float32")
actions = np.random.randint(0, 4, 600)
rewards = np.cos(states[:, 0] + actions).astype("float32")
following = np.random.uniform(-1.0, 1.0, (600, 3)).astype("float32")
network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(4)])
frozen = keras.models.clone_model(network)
optimizer = keras.optimizers.Adam(1e-3)
huber = keras.losses.Huber()
for update in range(150):
    rows = np.random.randint(0, 600, 32)
    target = rewards[rows] + 0.9 * tf.reduce_max(frozen(following[rows]), axis=1)
    with tf.GradientTape() as tape:
        values = tf.reduce_sum(network(states[rows]) * tf.one_hot(actions[rows], 4), axis=1)
        loss = huber(target, values)
    gradients = tape.gradient(loss, network.trainable_variables)
    optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
    if update % 50 == 0:
        frozen.set_weights(network.get_weights())
