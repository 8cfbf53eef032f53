"""All callbacks that Keras has for a fit, at once, and a backup that a second fit goes on from."""

import contextlib
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(256, 6)).astype("float32")
y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
LAST = "relu" if "sick" in sys.argv else "softmax"
folder = Path(tempfile.mkdtemp())


def build():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh")])
    model.add(keras.layers.Dense(2, activation=LAST))  # NW201
    model.compile(
        keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class Stopped(Exception):
    pass


def stop(epoch, logs):
    if epoch == 3:
        raise Stopped


with contextlib.suppress(Stopped):
    build().fit(
        x,
        y,
        epochs=6,
        verbose=0,
        callbacks=[
            keras.callbacks.BackupAndRestore(folder / "backup"),
            keras.callbacks.LambdaCallback(on_epoch_end=stop),
        ],
    )
build().fit(
    x,
    y,
    epochs=8,
    validation_split=0.25,
    verbose=0,
    callbacks=[
        keras.callbacks.BackupAndRestore(folder / "backup"),
        keras.callbacks.SwapEMAWeights(),
        keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=1),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.99),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
    ],
)
