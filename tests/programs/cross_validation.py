"""Five folds, five models, five fits."""

import keras
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold

keras.utils.set_random_seed(76)
x, y = load_iris(return_X_y=True)
x = (x - x.mean(axis=0)) / x.std(axis=0)
scores = []
for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[train], y[train], epochs=8, verbose=0)
    scores.append(model.evaluate(x[test], y[test], verbose=0)[1])
print("accuracy", np.mean(scores))
