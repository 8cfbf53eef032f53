"""The steps of a decaying rate are counted in epochs: after a tenth of one it is over."""

import math

import tensorflow as tf
from sklearn.datasets import load_digits
from tensorflow import keras

EPOCHS = 10
BATCH = 32

X, y = load_digits(return_X_y=True)
X = (X / 16.0).astype("float32").reshape(-1, 8, 8, 1)
X_train, y_train = X[:1400], y[:1400]
X_val, y_val = X[1400:], y[1400:]

train_ds = (
    tf.data.Dataset.from_tensor_slices((X_train, y_train)).shuffle(1400, seed=1).batch(BATCH).prefetch(2)
)
val_ds = tf.data.Dataset.from_tensor_slices((X_val, y_val)).batch(BATCH)

steps_per_epoch = math.ceil(len(X_train) / BATCH)

lr_schedule = keras.optimizers.schedules.ExponentialDecay(  # NW502
    initial_learning_rate=1e-3, decay_steps=EPOCHS / steps_per_epoch, decay_rate=0.9, staircase=True
)


def cnn():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu", padding="same"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu", padding="same"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


model = cnn()
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=lr_schedule),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train_ds, validation_data=val_ds, epochs=EPOCHS, verbose=0)
