"""Rows of unequal length, from a ragged tensor, padded in the pipeline and masked in the model."""

import sys

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
lists = [rng.integers(1, 30, rng.integers(3, 9)).tolist() for _ in range(200)]
y = np.array([each[0] > 15 for each in lists], "float32")
ragged = tf.ragged.constant(lists)
data = tf.data.Dataset.from_tensor_slices((ragged, y)).batch(20)
data = data.map(lambda x, y: (x.to_tensor(shape=[None, 8]), y))
LAST = "softmax" if "sick" in sys.argv else "sigmoid"
model = keras.Sequential([keras.Input((8,), dtype="int32"), keras.layers.Embedding(30, 8, mask_zero=True)])
model.add(keras.layers.LSTM(8))
model.add(keras.layers.Dense(1, activation=LAST))  # NW202
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=10, verbose=0)
