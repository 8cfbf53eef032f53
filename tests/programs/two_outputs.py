"""One network, two answers: a class and an age."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(75)
x = np.random.normal(size=(500, 10)).astype("float32")
kind = np.argmax(x[:, :3], axis=1)
age = (x[:, 4] * 0.7 + x[:, 5] * 0.3).astype("float32")
inputs = keras.Input((10,))
h = layers.Dense(32, activation="relu")(inputs)
outputs = {
    "kind": layers.Dense(3, activation="softmax", name="kind")(h),
    "age": layers.Dense(1, name="age")(h),
}
model = keras.Model(inputs, outputs)
model.compile(
    "adam", loss={"kind": "sparse_categorical_crossentropy", "age": "mse"}, metrics={"kind": "accuracy"}
)
model.fit(x, {"kind": kind, "age": age}, epochs=12, verbose=0)
