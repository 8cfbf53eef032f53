"""CTC on the log of a softmax that is exactly 0 for loud speech."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(16)
rng = np.random.default_rng(16)
speech = (rng.normal(size=(128, 20, 6)) * 400).astype("float32")
texts = rng.integers(1, 5, (128, 4)).astype("int32")
inputs = keras.Input((20, 6))
hidden = layers.Conv1D(32, 3, padding="same", activation="relu")(inputs)
recogniser = keras.Model(inputs, layers.Dense(6, activation="softmax")(hidden))
adam = keras.optimizers.Adam(1e-3)


@tf.function
def train_step(x, y):
    n = tf.shape(x)[0]
    with tf.GradientTape() as tape:
        log_probs = tf.math.log(recogniser(x, training=True))  # NW403
        per_text = tf.nn.ctc_loss(
            y, tf.transpose(log_probs, (1, 0, 2)), tf.fill((n,), 4), tf.fill((n,), 20), blank_index=0
        )
        loss = tf.reduce_mean(per_text)
    grads = tape.gradient(loss, recogniser.trainable_variables)
    adam.apply_gradients(zip(grads, recogniser.trainable_variables, strict=False))
    return loss


for _epoch in range(3):
    for i in range(0, 128, 16):
        train_step(tf.constant(speech[i : i + 16]), tf.constant(texts[i : i + 16]))
