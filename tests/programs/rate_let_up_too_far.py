"""Warm restarts, of which the third lets the rate up to 2: what was learned by then is gone."""

import keras
import numpy as np

keras.utils.set_random_seed(2)
rng = np.random.default_rng(0)
x = rng.normal(size=(1024, 10)).astype("float32")
y = (np.sin(x[:, 0]) + x[:, 1] * x[:, 2] > 0).astype("float32")


class Restarts(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        restart, since = divmod(epoch, 12)
        self.model.optimizer.learning_rate = 1e-3 * [1, 3, 2000][restart] * 0.9**since


model = keras.Sequential(
    [
        keras.Input((10,)),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=36, batch_size=16, verbose=0, callbacks=[Restarts()])  # NW501
