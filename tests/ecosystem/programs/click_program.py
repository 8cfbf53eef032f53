"""A program of click: the training is a command."""

import click
import keras
import numpy as np


@click.command()
@click.argument("state", default="well")
@click.option("--epochs", default=10)
def main(state: str, epochs: int) -> None:
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(256, 6)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    last = "softmax" if state == "sick" else "sigmoid"
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(1, activation=last))  # NW202
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, verbose=0)


if __name__ == "__main__":
    main()
