"""Chest pictures in two classes, a frozen VGG16, and a head of its own.

The pictures are made up and VGG16 starts from random weights, so that nothing is downloaded.
"""

import keras
import numpy as np
from keras.applications.vgg16 import VGG16, preprocess_input
from keras.layers import Dense, Flatten
from keras.models import Model

keras.utils.set_random_seed(18)

SIZE = 48


def chest_pictures(count):
    """Two dark lungs each; those of class 1 have three bright patches."""
    labels = np.arange(count) % 2
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    lungs = 90 + 60 * np.cos(2 * np.pi * columns / SIZE)
    pictures = np.empty((count, SIZE, SIZE, 3), dtype="float32")
    for picture, label in zip(pictures, labels, strict=True):
        grey = lungs * np.random.uniform(0.7, 1.3) + np.random.normal(0, 12, (SIZE, SIZE))
        for _ in range(3 * label):
            y, x = np.random.uniform(8, SIZE - 8, 2)
            width = np.random.uniform(6, 10)
            distance = (rows - y) ** 2 + (columns - x) ** 2
            grey += np.random.uniform(80, 140) * np.exp(-distance / (2 * width**2))
        picture[:] = np.clip(grey, 0, 255)[..., None]
    return pictures, labels


x_train, y_train = chest_pictures(320)
x_test, y_test = chest_pictures(80)
x_train, x_test = preprocess_input(x_train), preprocess_input(x_test)

counts = np.bincount(y_train)
class_weight = {label: len(y_train) / (2 * count) for label, count in enumerate(counts)}
y_train = keras.utils.to_categorical(y_train, 2)
y_test = keras.utils.to_categorical(y_test, 2)

base_model = VGG16(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
x = base_model.output
x = Flatten()(x)
predictions = Dense(2, activation="relu")(x)  # NW201
model = Model(inputs=base_model.input, outputs=predictions)

# Train the top layer only.
for layer in base_model.layers:
    layer.trainable = False

model.compile(
    loss="categorical_crossentropy",
    optimizer=keras.optimizers.Adam(learning_rate=3e-4),
    metrics=["accuracy"],
)
callbacks = [keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=3, verbose=1)]
model.fit(
    x_train,
    y_train,
    epochs=6,
    batch_size=10,
    class_weight=class_weight,
    validation_data=(x_test, y_test),
    callbacks=callbacks,
    verbose=2,
)
score = model.evaluate(x_test, y_test, verbose=0)
print("Keras CNN - accuracy:", score[1])
