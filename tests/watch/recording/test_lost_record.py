"""A record that is lost, or a disk that is full, costs no more: the training ends with the same bits."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nanwatch.explain.reporting import report_of
from nanwatch.explain.sentences import limits
from nanwatch.record.notes import LookedInto
from nanwatch.record.read import read_run
from nanwatch.record.run import Run
from nanwatch.watch.incident import snapshot
from tests.watch.model_kinds import BATCH, EPOCHS, classes, mlp, state_of, table
from tests.watch.training import differing, watch_in

pytestmark = pytest.mark.tensorflow


class AtEpoch(keras.callbacks.Callback):
    def __init__(self, epoch: int, act: Callable[[], object]) -> None:
        super().__init__()
        self.epoch, self.act = epoch, act

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.epoch:
            self.act()


def train(*callbacks: Any) -> list[Any]:
    keras.utils.set_random_seed(3)
    model = mlp()
    model.fit(table(), classes(), batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=list(callbacks))
    return state_of(model)


def gone_bad(watch: Any) -> None:
    x = table()
    x[5 * BATCH + 1] = np.nan
    keras.utils.set_random_seed(3)
    with pytest.raises(RuntimeError):
        mlp().fit(x, classes(), batch_size=BATCH, shuffle=False, verbose=0, callbacks=[watch])


def run_in(logs: Path) -> Run:
    (folder,) = (entry for entry in logs.iterdir() if entry.is_dir())
    return read_run(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if not hasattr(os, "geteuid") or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk may not be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    with open(place / "ballast", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 2**12):
            pass


def test_the_folder_vanishes(tmp_path: Path) -> None:
    watch = watch_in(tmp_path / "logs")
    state = train(watch, AtEpoch(0, lambda: shutil.rmtree(tmp_path / "logs")))
    assert not differing(state, train())
    assert not watch.recorder.is_saved  # of which `nanwatch run` says that the record could not be written
    assert "No such file or directory" in watch.recorder.info.errors[0].message


def test_the_disk_fills_up(small_disk: Path) -> None:
    state = train(watch_in(small_disk), AtEpoch(0, lambda: fill(small_disk)))
    assert not differing(state, train())
    run = run_in(small_disk)
    assert list(run.damage) == []
    assert run.fits[0].info.steps > 0
    assert run.fits[0].info.status == "running"  # no more could be written
    assert not list(run.folder.glob("*.new")) if run.folder else False


def test_the_disk_is_too_small_for_the_snapshot(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2**20))
    original = snapshot.save
    try:
        snapshot.save = large_snapshot  # type: ignore[assignment]
        gone_bad(watch_in(small_disk))
    finally:
        snapshot.save = original
    run = run_in(small_disk)
    assert run.folder is not None
    assert not [path.name for path in run.folder.iterdir() if "snapshot" in path.name]
    incident = run.info.incident
    assert incident is not None
    assert (incident.step, incident.role, incident.bad_rows) == (5, "input", (1,))  # as was found out later
    assert LookedInto() not in incident.notes
    assert [error.doing for error in run.info.errors] == ["saving the snapshot"]


def large_snapshot(folder: Path, *given: Any, kept: Any = snapshot.save) -> Any:
    model, batch, step, limit, optimizer = given[:5]
    held = [("held/0", np.random.default_rng(0).random(2**18))]
    return kept(folder, model, batch, step, limit, optimizer, held)


def test_the_incident_is_written_before_what_takes_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Run] = []

    def save(*given: Any) -> Any:
        seen.append(run_in(tmp_path))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(snapshot, "save", save)
    gone_bad(watch_in(tmp_path))
    early, late = seen[0].info.incident, run_in(tmp_path).info.incident
    assert early is not None
    assert late is not None
    assert early.notes == (LookedInto(),)
    assert (early.fit, early.step, early.role, early.value) == (late.fit, late.step, late.role, late.value)
    assert (early.reproduced, early.bad_rows) == (None, ())
    assert (late.reproduced, late.bad_rows, late.notes) == (True, (1,), ())
    told = report_of(seen[0])
    assert told.diagnoses.outcome == "non-finite"
    assert any("the process ended while it looked into the step" in line for line in limits(told))

    assert [event.kind for event in run_in(tmp_path).fits[0].events].count("incident") == 1
