"""Inputs and labels are shuffled each for themselves, and then zipped."""

import numpy as np
import tensorflow as tf

tf.random.set_seed(3)
rs = np.random.RandomState(3)
N = 1200
speaker = rs.randint(0, 4, N)
centre = rs.randn(4, 16, 12).astype("float32")
mel = centre[speaker] + 0.8 * rs.randn(N, 16, 12).astype("float32")


def get_dataset(features, labels, batch_size=32, training=True):
    x_ds = tf.data.Dataset.from_tensor_slices(features[..., None])
    y_ds = tf.data.Dataset.from_tensor_slices(tf.one_hot(labels, 4))
    if training:
        x_ds = x_ds.shuffle(1000)
        y_ds = y_ds.shuffle(1000)
    ds = tf.data.Dataset.zip((x_ds, y_ds))
    return ds.batch(batch_size).prefetch(tf.data.AUTOTUNE)


train_ds = get_dataset(mel[:1000], speaker[:1000])
test_ds = get_dataset(mel[1000:], speaker[1000:], training=False)

inputs = tf.keras.Input((16, 12, 1))
h = tf.keras.layers.Conv2D(8, 3, activation="relu")(inputs)
h = tf.keras.layers.BatchNormalization()(h)
h = tf.keras.layers.MaxPooling2D()(h)
h = tf.keras.layers.Flatten()(h)
h = tf.keras.layers.Dense(32, activation="relu")(h)
outputs = tf.keras.layers.Dense(4, activation="softmax")(h)

model = tf.keras.Model(inputs, outputs)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(train_ds, validation_data=test_ds, epochs=10, verbose=0)  # NW115
