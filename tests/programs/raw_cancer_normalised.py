"""scikit-learn's breast cancer data unscaled; a batch normalization puts it in order."""

import keras
from sklearn.datasets import load_breast_cancer

keras.utils.set_random_seed(20)
x, y = load_breast_cancer(return_X_y=True)

model = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(16, "relu"),
        keras.layers.Dense(1, "sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=15, validation_split=0.2, verbose=0)
