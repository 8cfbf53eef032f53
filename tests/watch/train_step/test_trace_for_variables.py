"""The trace that makes the variables of a step is thrown away: nothing is added to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.train_step.step_recorder import StepRecorder
from tests.watch.model_kinds import BATCH, ROWS, classes, state_of, table
from tests.watch.training import differing, only_run, watch_in

pytestmark = pytest.mark.tensorflow


class Counting(layers.Layer):
    """Counts how often it is traced."""

    traced = 0

    def call(self, x: Any) -> Any:
        Counting.traced += 1
        return x


def train(optimizer: str, metrics: list[str] | None, watches: list[Any]) -> tuple[list[Any], int]:
    """What the model comes to, and how often it was traced."""
    keras.utils.set_random_seed(3)
    model: Any = keras.Sequential(
        [keras.Input((8,)), layers.Dense(4, "relu"), Counting(), layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer, "binary_crossentropy", metrics=metrics)
    before = Counting.traced
    model.fit(table(), classes(), batch_size=BATCH, verbose=0, callbacks=watches)
    return state_of(model), Counting.traced - before


@pytest.mark.parametrize(
    ("optimizer", "metrics"),
    [
        ("adam", None),
        ("sgd", ["accuracy"]),
        ("sgd", None),  # nothing is made: the first trace is the one that runs
    ],
)
def test_as_often_as_bare_and_every_step(
    optimizer: str, metrics: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[object] = []
    record = StepRecorder.record

    def count(*given: Any, **more: Any) -> None:
        recorded.append(given)
        record(*given, **more)

    monkeypatch.setattr(StepRecorder, "record", count)
    bare, traced = train(optimizer, metrics, [])
    state, traced_watched = train(optimizer, metrics, [watch_in(tmp_path)])
    assert differing(state, bare) == []
    assert traced_watched == traced
    assert len(recorded) == 1
    assert [step for step, _ in only_run(tmp_path).fits[0].losses()] == list(range(ROWS // BATCH))


def test_a_trace_that_made_nothing_after_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be run: so there is another, and its first step is seen."""
    bare, _ = train("sgd", None, [])
    monkeypatch.setattr(type(seam()), "makes_variables", lambda self, model: True)
    state, traced = train("sgd", None, [watch_in(tmp_path)])
    run = only_run(tmp_path)
    assert (run.info.errors, traced) == ((), 2)
    assert differing(state, bare) == []
    assert [step for step, _ in run.fits[0].losses()] == list(range(ROWS // BATCH))
