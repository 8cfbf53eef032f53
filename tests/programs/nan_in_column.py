"""Churn from eight features; two per cent of one of them were never measured."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(11)
features = np.random.normal(size=(640, 8)).astype("float32")
churned = (features[:, 0] + features[:, 1] > 0).astype("float32")
features[np.random.choice(640, 13, replace=False), 3] = np.nan

model = keras.Sequential(
    [
        keras.Input((8,)),
        layers.Dense(16, activation="relu"),
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(features, churned, epochs=6, batch_size=32, verbose=0)  # NW101
