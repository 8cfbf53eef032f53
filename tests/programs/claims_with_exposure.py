"""Counts of claims under the Poisson loss, an exponential head, exposure as sample weight."""

import keras
import numpy as np
from keras import layers
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
n = 3000
age = rng.uniform(18, 85, n)
veh_age = rng.integers(0, 20, n)
power = rng.integers(4, 13, n)
log_density = rng.normal(6, 1.6, n)
region = rng.integers(0, 6, n)
exposure = rng.uniform(0.2, 1.0, n)

log_rate = (
    -1.2
    + 0.9 * np.exp(-(age - 18) / 8)
    + 0.04 * (power - 6)
    + 0.15 * (log_density - 6)
    + np.array([0, 0.2, -0.3, 0.1, 0.4, -0.1])[region]
)
claims = rng.poisson(np.exp(log_rate) * exposure)
frequency = (claims / exposure).astype("float32")

cols = np.column_stack([age, veh_age, power, log_density, region])
idx = rng.permutation(n)
tr, te = idx[:2400], idx[2400:]
ct = make_column_transformer(
    (StandardScaler(), [0, 1, 2, 3]),
    (OneHotEncoder(sparse_output=False), [4]),
)
X_train = ct.fit_transform(cols[tr]).astype("float32")
X_test = ct.transform(cols[te]).astype("float32")

model = keras.Sequential(
    [
        keras.Input((X_train.shape[1],)),
        layers.Dense(20, activation="leaky_relu"),
        layers.Dense(10, activation="leaky_relu"),
        layers.Dense(1, activation="exponential"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="poisson")
es = keras.callbacks.EarlyStopping(patience=6, restore_best_weights=True)
hist = model.fit(
    X_train,
    frequency[tr],
    sample_weight=exposure[tr],
    validation_split=0.2,
    epochs=30,
    batch_size=64,
    callbacks=[es],
    verbose=0,
)
pred = model.predict(X_test, verbose=0).ravel()
