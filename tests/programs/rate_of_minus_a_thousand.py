"""An exponent without its e: -1000 where 1e-3 was meant, and the classifier runs away."""

import keras
import numpy as np

keras.utils.set_random_seed(509)
x = np.random.normal(size=(600, 6)).astype("float32")
y = np.digitize(x[:, 0] - x[:, 3], [-0.6, 0.6])
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(16, "relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
optimizer = keras.optimizers.Adam(-1000.0)  # NW508
model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)
