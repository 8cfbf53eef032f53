"""A layer in the middle takes the logarithm of what may be below 0: the first to give what is not finite."""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 20)).astype("float32")
y = x[:, :1] * 2.0


@keras.saving.register_keras_serializable()
class Logarithm(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.log(inputs)


model = keras.Sequential(
    [
        keras.layers.Input((20,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(8),
        Logarithm(name="logarithm"),  # NW900
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss="mse")
model.fit(x, y, epochs=3, batch_size=32, verbose=0)
