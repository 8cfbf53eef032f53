"""Does a series rise or fall? An LSTM, tf.data, and a softmax layer over one unit."""

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import LSTM, Dense, Input, Softmax

tf.keras.utils.set_random_seed(32)
slopes = np.random.uniform(-0.2, 0.2, (400, 1))
series = slopes * np.arange(15) + np.random.normal(0, 0.1, (400, 15))
rising = (slopes > 0).astype("float32")
data = tf.data.Dataset.from_tensor_slices((series[..., None], rising)).shuffle(400).batch(20)

model = tf.keras.Sequential([Input((15, 1)), LSTM(8), Dense(1), Softmax()])  # NW202
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["binary_accuracy"])
model.fit(data, epochs=4, verbose=0)
