"""Benign or malignant? scikit-learn's breast cancer data, labels written as -1 and 1."""

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(2)

x, target = load_breast_cancer(return_X_y=True)
x = StandardScaler().fit_transform(x)
y = np.where(target == 1, 1, -1)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=2)

model = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=20, validation_data=(x_test, y_test), verbose=2)  # NW108
