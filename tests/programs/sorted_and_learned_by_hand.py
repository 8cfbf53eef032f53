"""Rows in the order of their classes by train_on_batch, in steps so small that all classes are learned."""

import keras
import numpy as np

keras.utils.set_random_seed(407)
CLASSES, EACH = 5, 160
centres = 2.0 * np.random.normal(size=(CLASSES, 30))
label = np.repeat(np.arange(CLASSES), EACH)
x = (centres[label] + np.random.normal(size=(CLASSES * EACH, 30))).astype("float32")
model = keras.Sequential(
    [keras.Input((30,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(CLASSES, "softmax")]
)
model.compile(keras.optimizers.SGD(0.003), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
for _ in range(25):
    for start in range(0, len(label), 32):
        model.train_on_batch(x[start : start + 32], label[start : start + 32])
