"""A backbone is reused; the flag went to the whole model instead of the backbone."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(58)
pictures = np.random.uniform(size=(160, 16, 16, 3)).astype("float32")
kinds = np.random.randint(0, 3, 160)
pictures[kinds == 1, 8:] = 0
pictures[kinds == 2, :, 8:] = 0

inputs = tf.keras.Input((16, 16, 3))
backbone = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(8, 3, activation="relu"),
        tf.keras.layers.MaxPooling2D(),
        tf.keras.layers.Conv2D(8, 3, activation="relu"),
    ],
    name="backbone",
)
x = tf.keras.layers.Flatten()(backbone(inputs))
outputs = tf.keras.layers.Dense(3, activation="softmax")(x)
model = tf.keras.Model(inputs, outputs)
model.trainable = False  # NW503
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(pictures, kinds, epochs=8, batch_size=16, verbose=0)
