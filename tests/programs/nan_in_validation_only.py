"""The test set was never cleaned: val_loss is NaN, and the training is sound."""

import keras
import numpy as np

keras.utils.set_random_seed(95)
x = np.random.normal(size=(500, 7)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
x_test = np.random.normal(size=(100, 7)).astype("float32")
y_test = (x_test[:, 0] > 0).astype("float32")
x_test[40:45, 2] = np.nan
model = keras.Sequential(
    [keras.Input((7,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1, "sigmoid")]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(patience=3)
model.fit(x, y, epochs=8, validation_data=(x_test, y_test), callbacks=[stop], verbose=0)  # NW118
