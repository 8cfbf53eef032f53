"""Cats and dogs from made-up pictures: one softmax unit and categorical cross-entropy."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models

tf.keras.utils.set_random_seed(44)
pictures = np.random.uniform(size=(200, 12, 12, 3)).astype("float32")
dogs = np.arange(200) % 2
pictures[dogs == 1, :6] *= 0.5

model = models.Sequential()
model.add(layers.Input((12, 12, 3)))
model.add(layers.Conv2D(8, (3, 3), activation="relu"))
model.add(layers.GlobalMaxPooling2D())
model.add(layers.Dense(1, activation="softmax"))  # NW207 NW202
model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["acc"])  # NW207
model.fit(pictures, dogs.reshape(-1, 1).astype("float32"), epochs=4, batch_size=20, verbose=0)
