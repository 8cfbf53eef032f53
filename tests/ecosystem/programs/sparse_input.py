"""A sparse input, as of a bag of words."""

import sys

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
dense = (rng.random((240, 50)) < 0.1).astype("float32")
y = np.eye(2, dtype="float32")[(dense[:, :25].sum(1) > dense[:, 25:].sum(1)).astype(int)]
data = tf.data.Dataset.from_tensor_slices((tf.sparse.from_dense(dense), y)).batch(20)
LAST = "relu" if "sick" in sys.argv else "softmax"
inputs = keras.Input((50,), sparse=True)
hidden = keras.layers.Dense(16, activation="tanh")(inputs)
outputs = keras.layers.Dense(2, activation=LAST)(hidden)  # NW201
model = keras.Model(inputs, outputs)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=15, verbose=0)
