"""A script for Keras 2: its optimizer takes lr."""

import keras
import numpy as np

keras.utils.set_random_seed(31)
x = np.random.normal(size=(600, 12)).astype("float32")
y = keras.utils.to_categorical(np.argmax(x[:, :3], axis=1), 3)

model = keras.Sequential(
    [keras.Input((12,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(3, activation="softmax")]
)
optimizer = keras.optimizers.SGD(lr=0.05, momentum=0.9)  # NW608
model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=12, batch_size=32, verbose=0)
