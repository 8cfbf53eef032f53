"""Handwritten digits from scikit-learn, the classes numbered from 1 to 10."""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(3)

x, y = load_digits(return_X_y=True)
x = x / 16.0
y = y + 1
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=3)

model = keras.Sequential()
model.add(keras.Input((64,)))
model.add(keras.layers.Dense(32, activation="relu"))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=5, validation_data=(x_test, y_test), verbose=2)  # NW107
