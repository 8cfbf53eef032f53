"""Four targets in ten are NaN, and masked in the loss as they should be."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(40)
rng = np.random.default_rng(40)

n, n_feat, n_tasks = 3000, 30, 4
X = rng.normal(size=(n, n_feat)).astype("float32")
W = rng.normal(size=(n_feat, n_tasks)) / np.sqrt(n_feat)
Y = np.tanh(X @ W) * 2 + 0.4 * (X[:, :n_tasks] ** 2 - 1) + rng.normal(0, 0.2, (n, n_tasks))
Y = Y.astype("float32")
Y[rng.random(Y.shape) < 0.4] = np.nan


def masked_mse(y_true, y_pred):
    mask = tf.math.is_finite(y_true)
    y_safe = tf.where(mask, y_true, tf.zeros_like(y_true))
    m = tf.cast(mask, y_pred.dtype)
    se = tf.square(y_safe - y_pred) * m
    return tf.math.divide_no_nan(tf.reduce_sum(se), tf.reduce_sum(m))


inputs = keras.Input((n_feat,))
h = layers.Dense(48, activation="relu")(inputs)
h = layers.Dense(48, activation="relu")(h)
out = layers.Dense(n_tasks)(h)
model = keras.Model(inputs, out)
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=masked_mse)
model.fit(X[:2500], Y[:2500], validation_data=(X[2500:], Y[2500:]), batch_size=64, epochs=15, verbose=0)
pred = model.predict(X[2500:], verbose=0)
for t in range(n_tasks):
    ok = np.isfinite(Y[2500:, t])
