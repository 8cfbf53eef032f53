"""An eager loop over several calls of a model with two heads, one of them under a logarithm."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
states = keras.Input((4,))
hidden = keras.layers.Dense(16, activation="relu")(states)
heads = [keras.layers.Dense(2, activation="relu")(hidden), keras.layers.Dense(1)(hidden)]
model = keras.Model(states, heads)
optimizer = keras.optimizers.Adam(0.01)
x = np.random.default_rng(0).normal(size=(48, 1, 4)).astype("float32")
for episode in x.reshape(6, 8, 1, 4):
    with tf.GradientTape() as tape:
        losses = []
        for state in episode:
            actions, value = model(state)
            losses.append(-tf.math.log(actions[0, 0]))  # op: Log forward
            losses.append(tf.square(value[0, 0] - 1.0))
        loss = tf.add_n(losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
