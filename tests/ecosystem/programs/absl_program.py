"""A program of absl: flags, and a main that app.run calls. needs: absl-py."""

import keras
import numpy as np
from absl import app, flags

flags.DEFINE_float("rate", 1e-3, "learning rate")
FLAGS = flags.FLAGS


def main(argv):
    rate = 1e5 if "sick" in argv else FLAGS.rate
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(256, 6)).astype("float32")
    y = x @ rng.normal(size=(6, 1)).astype("float32")
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.SGD(rate), "mse")  # NW501
    model.fit(x, y, epochs=10, verbose=0)


if __name__ == "__main__":
    app.run(main)
