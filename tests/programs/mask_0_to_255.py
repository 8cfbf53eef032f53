"""A small U-shaped network; the masks were read from files and hold 0 and 255."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

tf.keras.utils.set_random_seed(28)
pictures = np.random.uniform(size=(96, 16, 16, 1)).astype("float32")
masks = np.where(pictures > 0.6, 255.0, 0.0).astype("float32")

inputs = layers.Input((16, 16, 1))
down = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
deep = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D()(down))
up = layers.Concatenate()([down, layers.UpSampling2D()(deep)])
outputs = layers.Conv2D(1, 1, activation="sigmoid")(up)
model = tf.keras.Model(inputs, outputs)
model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss="binary_crossentropy")
model.fit(pictures, masks, batch_size=8, epochs=4, verbose=0)  # NW108
