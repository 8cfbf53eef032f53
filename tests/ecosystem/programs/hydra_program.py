"""A program of Hydra, which makes a config of the command line and changes the folder. needs: hydra-core."""

import sys
import tempfile

import hydra
import keras
import numpy as np

SICK = "sick" in sys.argv
sys.argv[1:] = ["hydra.run.dir=" + tempfile.mkdtemp(), "hydra.job.chdir=True"]


@hydra.main(version_base=None, config_path=None)
def main(config):
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(256, 6)).astype("float32")
    y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(2, activation="relu" if SICK else "softmax"))  # NW201
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, verbose=0)


if __name__ == "__main__":
    main()
