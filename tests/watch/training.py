"""A training bare, and the same under watch."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

import nanwatch
from nanwatch.record.read import read_run
from nanwatch.record.run import Fit, Run
from tests.watch.model_kinds import BATCH, EPOCHS, KINDS, Kind, state_of


def watch_in(folder: Path, on_incident: Any = "raise") -> Any:
    return nanwatch.Watch(folder, on_incident)


def only_run(folder: Path) -> Run:
    """The one run below ``folder``."""
    (place,) = (entry for entry in folder.iterdir() if entry.is_dir())
    return read_run(place)


class BatchLosses(keras.callbacks.Callback):
    """Keras's own loss of each batch: its running mean, begun anew before each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.losses.append(float(logs["loss"]))


@dataclass
class Trained:
    kind: Kind
    state: list[Any]
    losses: list[float]
    history: dict[str, list[float]]
    run: Run | None

    @property
    def fit(self) -> Fit:
        assert self.run is not None
        (fit,) = self.run.fits
        return fit


def train(name: str, callbacks: list[Any]) -> tuple[Kind, Any]:
    keras.utils.set_random_seed(3)
    kind = KINDS[name]()
    given = dict(kind.given) if kind.y is None else {**kind.given, "batch_size": BATCH}
    history = kind.model.fit(kind.x, kind.y, epochs=EPOCHS, verbose=0, callbacks=callbacks, **given)
    return kind, history.history


@functools.cache
def bare(name: str) -> Trained:
    seen = BatchLosses()
    kind, history = train(name, [seen])
    return Trained(kind, state_of(kind.model), seen.losses, history, None)


@functools.cache
def watched(name: str, folder: Path) -> Trained:
    place = folder / name.replace(" ", "_").replace(",", "")
    kind, history = train(name, [watch_in(place)])
    return Trained(kind, state_of(kind.model), [], history, only_run(place))


def differing(found: list[Any], expected: list[Any]) -> list[int]:
    """The places in which two states are not the same to the last bit."""
    assert len(found) == len(expected)
    return [
        place
        for place, (one, other) in enumerate(zip(found, expected, strict=True))
        if one.dtype != other.dtype or one.shape != other.shape or one.tobytes() != other.tobytes()
    ]


def far_apart(found: list[Any], expected: list[Any], tolerance: float) -> list[int]:
    assert len(found) == len(expected)
    return [
        place
        for place, (one, other) in enumerate(zip(found, expected, strict=True))
        if not np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    ]
