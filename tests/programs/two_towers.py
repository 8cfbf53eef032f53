"""Pictures and texts are brought together at a temperature of 0.1; nothing is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(14)
image_in, text_in = keras.Input((16,)), keras.Input((12,))
image_net = keras.Model(image_in, layers.Dense(8)(layers.Dense(32, "relu")(image_in)))
text_net = keras.Model(text_in, layers.Dense(8)(layers.Dense(32, "relu")(text_in)))
temperature = 0.1
opt = keras.optimizers.Adam(1e-3)


@tf.function
def step(img, txt):
    with tf.GradientTape() as tape:
        u = tf.math.l2_normalize(image_net(img), axis=1)
        v = tf.math.l2_normalize(text_net(txt), axis=1)
        e = tf.exp(u @ tf.transpose(v) / temperature)
        loss = -tf.reduce_mean(tf.math.log(tf.linalg.diag_part(e) / tf.reduce_sum(e, axis=1)))
    weights = image_net.trainable_variables + text_net.trainable_variables
    opt.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=False))
    return loss


rng = np.random.default_rng(14)
latent = rng.normal(size=(512, 6))
images = (latent @ rng.normal(size=(6, 16))).astype("float32")
texts = (latent @ rng.normal(size=(6, 12))).astype("float32")
for _epoch in range(5):
    for i in range(0, 512, 32):
        step(tf.constant(images[i : i + 32]), tf.constant(texts[i : i + 32]))
