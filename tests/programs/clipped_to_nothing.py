"""A limit of a millionth for every gradient: no step goes anywhere."""

import keras
import numpy as np

keras.utils.set_random_seed(306)
x = np.random.normal(size=(800, 10)).astype("float32")
y = (x @ np.random.normal(size=(10, 3))).argmax(1)
model = keras.Sequential(
    [keras.Input((10,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(3, activation="softmax")]
)
optimizer = keras.optimizers.SGD(0.1, clipnorm=1e-6)  # NW505
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
