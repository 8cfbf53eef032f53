"""A diffusion model in an eager loop; one pixel of one picture is NaN."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(5)


def alpha_bar(t):
    return tf.cos(t * np.pi / 2) ** 2


class Unet(keras.Model):
    def __init__(self):
        super().__init__()
        self.down = layers.Conv2D(8, 3, 2, "same", activation="swish")
        self.mid = layers.Conv2D(16, 3, 1, "same", activation="swish")
        self.up = layers.Conv2DTranspose(1, 3, 2, "same")

    def call(self, x, t):
        h = self.down(tf.concat([x, tf.ones_like(x) * t[:, None, None, None]], -1))
        return self.up(self.mid(h))


images = np.random.default_rng(5).uniform(-1, 1, (256, 8, 8, 1)).astype("float32")
images[77, 3, 3, 0] = np.nan
unet, ema = Unet(), Unet()
opt = keras.optimizers.Adam(2e-4)
for _epoch in range(2):
    for i in range(0, 256, 32):
        x = tf.constant(images[i : i + 32])
        t = tf.random.uniform((32,), 0.02, 0.98)
        ab = alpha_bar(t)[:, None, None, None]
        eps = tf.random.normal(x.shape)
        with tf.GradientTape() as tape:
            pred = unet(tf.sqrt(ab) * x + tf.sqrt(1 - ab) * eps, t)  # NW101
            loss = tf.reduce_mean(tf.square(pred - eps))
        opt.apply_gradients(
            zip(tape.gradient(loss, unet.trainable_variables), unet.trainable_variables, strict=False)
        )
