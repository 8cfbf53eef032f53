"""Labels with noise, up to 1.05 and above, as discriminators are given: healthy."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(402)
rng = np.random.RandomState(402)
critic = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, activation="leaky_relu"), keras.layers.Dense(1)]
)
optimizer = keras.optimizers.Adam(3e-4)
loss_of = keras.losses.BinaryCrossentropy(from_logits=True)


@tf.function
def step(real, made):
    labels = tf.concat([tf.ones((16, 1)), tf.zeros((16, 1))], axis=0)
    labels += 0.05 * tf.random.uniform(tf.shape(labels))
    with tf.GradientTape() as tape:
        loss = loss_of(labels, critic(tf.concat([real, made], axis=0)))
    optimizer.apply(tape.gradient(loss, critic.trainable_weights), critic.trainable_weights)


for _ in range(100):
    step(*(tf.constant(rng.randn(16, 8) + middle, tf.float32) for middle in (1, -1)))

real = np.hstack([np.ones(320), np.zeros(320)]) * rng.uniform(0.7, 1.2, 640) + rng.uniform(0, 0.02, 640)
points = rng.randn(640, 8) + np.where(real > 0.5, 1, -1)[:, None] * 0.5
judge = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])
judge.compile("adam", loss="binary_crossentropy")
judge.fit(points, real, epochs=10, verbose=0)
