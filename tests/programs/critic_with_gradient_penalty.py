"""A Wasserstein GAN: a gradient penalty, a loss below 0 and spectral normalisation."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(88)
rng = np.random.default_rng(88)
angles = rng.integers(0, 6, 2000) * (2 * np.pi / 6)
real = np.stack([np.cos(angles), np.sin(angles)], 1) + rng.normal(0, 0.08, (2000, 2))
real = real.astype("float32")

LATENT, N_CRITIC, GP_WEIGHT = 4, 4, 1.0

critic = keras.Sequential(
    [
        keras.Input((2,)),
        layers.Dense(64),
        layers.LeakyReLU(0.2),
        layers.SpectralNormalization(layers.Dense(64)),
        layers.LeakyReLU(0.2),
        layers.Dense(1),
    ]
)
generator = keras.Sequential(
    [
        keras.Input((LATENT,)),
        layers.Dense(64, activation="relu"),
        layers.Dense(64, activation="relu"),
        layers.Dense(2),
    ]
)
c_opt = keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9)
g_opt = keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9)


def gradient_penalty(x_real, x_fake):
    alpha = tf.random.uniform((tf.shape(x_real)[0], 1))
    mixed = x_real + alpha * (x_fake - x_real)
    with tf.GradientTape() as t:
        t.watch(mixed)
        score = critic(mixed, training=True)
    g = t.gradient(score, mixed)
    norm = tf.sqrt(tf.reduce_sum(tf.square(g), axis=1) + 1e-12)
    return tf.reduce_mean(tf.square(norm - 1.0))


@tf.function
def critic_step(x_real):
    z = tf.random.normal((tf.shape(x_real)[0], LATENT))
    x_fake = generator(z, training=True)
    with tf.GradientTape() as tape:
        wdist = tf.reduce_mean(critic(x_real, training=True)) - tf.reduce_mean(critic(x_fake, training=True))
        loss = -wdist + GP_WEIGHT * gradient_penalty(x_real, x_fake)
    grads = tape.gradient(loss, critic.trainable_variables)
    c_opt.apply_gradients(zip(grads, critic.trainable_variables, strict=False))
    return loss, wdist


@tf.function
def generator_step(n):
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic(generator(tf.random.normal((n, LATENT)), training=True), training=True))
    grads = tape.gradient(loss, generator.trainable_variables)
    g_opt.apply_gradients(zip(grads, generator.trainable_variables, strict=False))
    return loss


centres = np.stack([np.cos(np.arange(6) * np.pi / 3), np.sin(np.arange(6) * np.pi / 3)], 1)
data = iter(tf.data.Dataset.from_tensor_slices(real).shuffle(2000).repeat().batch(128))
for it in range(501):
    for _ in range(N_CRITIC):
        c_loss, w = critic_step(next(data))
    g_loss = generator_step(128)
    if it % 100 == 0:
        s = generator(tf.random.normal((1000, LATENT)), training=False).numpy()
near = np.linalg.norm(s[:, None] - centres[None], axis=-1)
