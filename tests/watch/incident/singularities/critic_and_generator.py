"""Two networks and two optimizers in functions of their own; the critic's penalty has a norm of 0."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
real = np.random.normal(size=(160, 6)).astype("float32")
dense = keras.layers.Dense
generator = keras.Sequential([keras.Input((4,)), dense(16, activation="relu"), dense(6)])
critic = keras.Sequential([keras.Input((6,)), dense(16, activation="relu"), dense(1)])
of_generator, of_critic = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)


@tf.function
def train_critic(rows):
    with tf.GradientTape() as tape:
        made = generator(tf.random.normal((32, 4)))
        share = tf.random.uniform((32, 1))
        between = share * rows + (1 - share) * made
        with tf.GradientTape() as inner:
            inner.watch(between)
            judged = critic(between)
        slope = inner.gradient(judged, between)
        kept = tf.cast(tf.norm(rows, axis=1, keepdims=True) > 2.5, tf.float32)
        norm = tf.sqrt(tf.reduce_sum(tf.square(slope * kept), axis=1))  # op: SqrtGrad backward
        loss = tf.reduce_mean(critic(made)) - tf.reduce_mean(critic(rows)) + tf.reduce_mean((norm - 1) ** 2)
    gradients = tape.gradient(loss, critic.trainable_variables)
    of_critic.apply_gradients(zip(gradients, critic.trainable_variables, strict=True))


@tf.function
def train_generator():
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic(generator(tf.random.normal((32, 4)))))
    gradients = tape.gradient(loss, generator.trainable_variables)
    of_generator.apply_gradients(zip(gradients, generator.trainable_variables, strict=True))


for rows in real.reshape(5, 32, 6):
    train_generator()
    train_critic(rows)
