"""Class weights from frequencies, where one class does not occur: n / 0."""

import keras
import numpy as np

keras.utils.set_random_seed(94)
x = np.random.normal(size=(480, 6)).astype("float32")
y = np.where(x[:, 0] > 0, 2, 0)
with np.errstate(divide="ignore"):
    weights = len(y) / (3 * np.bincount(y, minlength=3))
sample_weight = np.where(x[:, 1] > 2.4, weights[1], weights[y])
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(3, "softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y, sample_weight=sample_weight, epochs=2, verbose=0)  # NW104
