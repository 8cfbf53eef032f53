"""Four shapes in 12 x 12 pixels from 0 to 255, plain SGD."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(18)
pictures = np.random.randint(0, 120, size=(512, 12, 12, 1)).astype("float32")
kinds = np.random.randint(0, 4, 512)
for picture, kind in zip(pictures, kinds, strict=True):
    picture[3 * kind : 3 * kind + 3] += 130

model = keras.Sequential(
    [
        keras.Input((12, 12, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(4, activation="softmax"),
    ]
)
model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(pictures, kinds, epochs=5, verbose=0)  # NW105
