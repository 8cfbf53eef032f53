"""BatchNormalization with momentum=0.9999 in a block of its own: right in training, lost in validation."""

import keras
import numpy as np

keras.utils.set_random_seed(412)


class Block(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units, use_bias=False)
        self.norm = keras.layers.BatchNormalization(momentum=0.9999)  # NW308

    def call(self, inputs, training=False):
        return keras.ops.relu(self.norm(self.dense(inputs), training=training))


centres = 3.0 * np.random.normal(size=(6, 20)) + 8.0
label = np.random.randint(0, 6, 1500)
x = (centres[label] + 2.0 * np.random.normal(size=(1500, 20))).astype("float32")
model = keras.Sequential([keras.Input((20,)), Block(32), Block(32), keras.layers.Dense(6, "softmax")])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:1200], label[:1200], validation_data=(x[1200:], label[1200:]), epochs=8, verbose=0)
