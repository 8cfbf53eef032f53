"""Rare defects in images, under the binary focal loss."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(77)
rng = np.random.default_rng(77)

n, s = 1200, 20
images = rng.normal(0.5, 0.08, (n, s, s, 1))
labels = (rng.random(n) < 0.15).astype("float32")
for i in np.where(labels == 1)[0]:
    r, c = rng.integers(2, s - 8, 2)
    if rng.random() < 0.5:
        images[i, r : r + 7, c : c + 2] -= 0.17
    else:
        images[i, r : r + 2, c : c + 7] -= 0.17
images = np.clip(images, 0, 1).astype("float32")
images = (images - 0.5) / 0.1
x_train, y_train = images[:900], labels[:900]
x_val, y_val = images[900:], labels[900:]

model = keras.Sequential(
    [
        keras.Input((s, s, 1)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.BinaryFocalCrossentropy(gamma=2.0, alpha=0.75, apply_class_balancing=True),
    metrics=["accuracy", keras.metrics.Recall(name="recall"), keras.metrics.AUC(name="auc")],
)
model.fit(x_train, y_train, batch_size=32, epochs=10, validation_data=(x_val, y_val), verbose=0)
