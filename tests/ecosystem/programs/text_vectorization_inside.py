"""Strings into the model: TextVectorization is its first layer."""

import sys

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
good, bad = ["fine", "great", "lovely"], ["poor", "awful", "dull"]
y = rng.integers(0, 2, 240)
texts = [" ".join(rng.choice(good if label else bad, 5)) for label in y]
vectorize = keras.layers.TextVectorization(max_tokens=20, output_sequence_length=6)
vectorize.adapt(tf.constant(texts))
ROWS = 4 if "sick" in sys.argv else 20
model = keras.Sequential([keras.Input((1,), dtype="string"), vectorize])
model.add(keras.layers.Embedding(ROWS, 8))  # NW112
model.add(keras.layers.GlobalAveragePooling1D())
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
data = tf.data.Dataset.from_tensor_slices((np.array(texts)[:, None], y)).batch(20)
model.fit(data, epochs=8, verbose=0)
