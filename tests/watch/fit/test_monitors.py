"""Which callbacks go by a number of the logs."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint, ReduceLROnPlateau

from nanwatch.record.facts import MonitorInfo
from tests.watch.training import only_run, watch_in

# Keras 3 reads the rate in a way that NumPy 2 warns of.
pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_what_monitors_what(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    saved = str(tmp_path / "saved.keras")
    callbacks = [
        EarlyStopping("mae"),
        ModelCheckpoint(saved, monitor="val_mae"),
        ModelCheckpoint(saved, monitor="mae", save_best_only=True, mode="min"),
        ReduceLROnPlateau("loss"),
        LambdaCallback(),
        watch_in(tmp_path / "logs"),
    ]
    model.fit(x, y, epochs=1, verbose=0, callbacks=callbacks)
    assert only_run(tmp_path / "logs").fits[0].info.monitors == (
        MonitorInfo("EarlyStopping", "mae"),
        MonitorInfo("ModelCheckpoint", "mae"),
        MonitorInfo("ReduceLROnPlateau", "loss"),
    )
