"""Two trainings in joblib's worker processes. needs: joblib."""

import sys

import joblib


def train(seed, last):
    import keras
    import numpy as np

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 6)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(1, activation=last))  # NW202
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model.fit(x, y, epochs=10, verbose=0).history["loss"][-1]


if __name__ == "__main__":
    last = "softmax" if "sick" in sys.argv else "sigmoid"
    print(joblib.Parallel(n_jobs=2)(joblib.delayed(train)(seed, last) for seed in (1, 2)))
