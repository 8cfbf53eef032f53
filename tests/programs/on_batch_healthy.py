"""Batches pushed by hand, and all is well."""

import keras
import numpy as np

keras.utils.set_random_seed(82)
random = np.random.default_rng(82)
model = keras.Sequential(
    [keras.Input((10,)), keras.layers.Dense(20, "relu"), keras.layers.Dense(4, "softmax")]
)
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
for _ in range(80):
    customers = random.normal(size=(32, 10)).astype("float32")
    model.train_on_batch(customers, np.argmax(customers[:, :4], axis=1))
