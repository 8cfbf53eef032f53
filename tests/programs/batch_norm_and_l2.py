"""A convolution with batch normalization, weight decay, dropout and early stopping."""

import keras
from keras import layers, regularizers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(78)
x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1) / 16
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, use_bias=False, kernel_regularizer=regularizers.L2(1e-4)),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
model.fit(x, y, epochs=8, validation_split=0.2, callbacks=[stop], verbose=0)
