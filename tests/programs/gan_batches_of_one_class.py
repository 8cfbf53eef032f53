"""A critic that is fed real rows and made-up rows in turn: each batch is of one class, as it must be."""

import keras
import numpy as np

keras.utils.set_random_seed(219)
critic = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, activation="sigmoid")]
)
critic.compile(keras.optimizers.Adam(1e-3), loss="binary_crossentropy")
for _ in range(60):
    real = np.random.normal(1.0, 1.0, (32, 4)).astype("float32")
    made = np.random.normal(-1.0, 1.0, (32, 4)).astype("float32")
    critic.train_on_batch(real, np.ones((32, 1)))
    critic.train_on_batch(made, np.zeros((32, 1)))
