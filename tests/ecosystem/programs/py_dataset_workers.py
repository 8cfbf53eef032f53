"""A PyDataset read by two threads."""

import sys

import keras
import numpy as np

keras.utils.set_random_seed(1)
SICK = "sick" in sys.argv
rng = np.random.default_rng(1)
x = rng.normal(size=(320, 6)).astype("float32")
y = (x[:, 0] > 0).astype("int64")


class Rows(keras.utils.PyDataset):
    def __len__(self):
        return len(x) // 16

    def __getitem__(self, index):
        of = slice(index * 16, index * 16 + 16)
        labels = y[of] + 1 if SICK and index == 9 else y[of]
        return x[of], labels


model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
model.add(keras.layers.Dense(2, activation="softmax"))  # NW210
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(Rows(workers=2, max_queue_size=4), epochs=5, verbose=0)  # NW107
