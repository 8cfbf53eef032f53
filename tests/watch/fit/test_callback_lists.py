"""A fit with a CallbackList of the script's own, which Keras takes as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import nanwatch
from nanwatch.errors import TrainingHalted
from nanwatch.record.read import read_run
from tests.watch.keras_seam.test_seams import run_in
from tests.watch.model_kinds import BATCH, mlp, state_of, table
from tests.watch.training import differing

pytestmark = pytest.mark.tensorflow

STEPS = 12


def trained(model: Any, given: Any, bad: bool = False) -> Any:
    x = table()[: STEPS * BATCH // 2].copy()
    y = (x[:, :1] > 0).astype("float32")
    if bad:
        x[-1, 3] = np.nan
    return model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, shuffle=False, callbacks=given)


def test_it_is_watched_and_given_back(tmp_path: Path) -> None:
    states = []
    for watched in (False, True):
        keras.utils.set_random_seed(3)
        model = mlp()
        given = keras.callbacks.CallbackList([keras.callbacks.History()], model=model, epochs=2, steps=6)
        held = list(given.callbacks)
        if watched:
            with run_in(tmp_path) as recorder:
                trained(model, given)
                assert given.callbacks == held
                trained(model, given)
        else:
            trained(model, given)
            trained(model, given)
        assert given.callbacks == held
        states.append(state_of(model))
    assert differing(*states) == []
    run = read_run(recorder.folder)
    assert [(fit.info.kind, fit.info.steps, fit.info.epochs) for fit in run.fits] == [("fit", STEPS, 2)] * 2
    assert (run.info.not_watched, run.info.errors) == ((), ())


@pytest.mark.parametrize("own", [False, True])
def test_it_is_halted(tmp_path: Path, own: bool) -> None:
    model = mlp()
    watches = [nanwatch.Watch(tmp_path / "unused", "raise")] if own else []
    given = keras.callbacks.CallbackList(watches, model=model)
    held = list(given.callbacks)
    with run_in(tmp_path / "run") as recorder, pytest.raises(TrainingHalted):
        trained(model, given, bad=True)
    assert given.callbacks == held
    assert not (tmp_path / "unused").exists()
    run = read_run(recorder.folder)
    assert run.info.incident is not None
    assert (run.info.incident.role, run.info.incident.step) == ("input", STEPS // 2 - 1)
