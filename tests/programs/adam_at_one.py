"""Five classes and Adam at a rate of 1.0: one spike, and a dead network ever after."""

import keras
import numpy as np

keras.utils.set_random_seed(54)
x = np.random.normal(size=(640, 8)).astype("float32")
y = np.digitize(x[:, 0], [-1.0, -0.3, 0.3, 1.0])
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(5, activation="softmax"),
    ]
)
adam = keras.optimizers.Adam(learning_rate=1.0)  # NW501
model.compile(optimizer=adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
