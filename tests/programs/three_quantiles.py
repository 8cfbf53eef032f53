"""Three quantiles of one target: the labels are of shape (N, 1), the predictions of (N, 3)."""

import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tensorflow import keras

tf.keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)

n = 2000
doy = rng.integers(0, 365, n)
weekend = rng.integers(0, 2, n)
temp = 11 - 10 * np.cos(2 * np.pi * doy / 365) + rng.normal(0, 3, n)
demand = (
    500
    + 9 * np.maximum(15 - temp, 0)
    - 45 * weekend
    + rng.normal(0, 1, n) * (15 + 2 * np.maximum(15 - temp, 0))
)

X = np.column_stack([temp, np.sin(2 * np.pi * doy / 365), np.cos(2 * np.pi * doy / 365), weekend])
X_tr, X_te, y_tr, y_te = train_test_split(X, demand.reshape(-1, 1), test_size=0.2, random_state=0)
xs, ys = StandardScaler().fit(X_tr), StandardScaler().fit(y_tr)
X_tr, X_te = xs.transform(X_tr), xs.transform(X_te)
y_tr_s, y_te_s = ys.transform(y_tr), ys.transform(y_te)

QUANTILES = tf.constant([[0.1, 0.5, 0.9]])


def pinball(y_true, y_pred):
    e = tf.cast(y_true, y_pred.dtype) - y_pred  # (b, 1) - (b, 3)
    return tf.reduce_mean(tf.maximum(QUANTILES * e, (QUANTILES - 1.0) * e), axis=-1)


model = keras.Sequential(
    [
        keras.layers.Input(shape=(4,)),
        keras.layers.Dense(32, activation="elu"),
        keras.layers.Dense(32, activation="elu"),
        keras.layers.Dense(3),
    ]
)
model.compile(optimizer="adam", loss=pinball)
model.fit(X_tr, y_tr_s, epochs=25, batch_size=64, validation_split=0.15, verbose=0)

q = ys.inverse_transform(model.predict(X_te, verbose=0).reshape(-1, 1)).reshape(-1, 3)
