"""Small pictures through tf.data; a handful were scaled by their own maximum, which was 0."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

tf.keras.utils.set_random_seed(13)
pictures = np.random.uniform(size=(320, 10, 10, 1)).astype("float32")
kinds = np.random.randint(0, 3, size=320)
for kind in range(3):
    pictures[kinds == kind, 3 * kind : 3 * kind + 3] += 1.0
pictures[[150, 151, 290]] = 0.0

dataset = tf.data.Dataset.from_tensor_slices((pictures, kinds))
dataset = dataset.map(lambda picture, kind: (picture / tf.reduce_max(picture), kind))
dataset = dataset.batch(16)

model = tf.keras.Sequential(
    [
        layers.Input((10, 10, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(dataset, epochs=3, verbose=0)  # NW101
