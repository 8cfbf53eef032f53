"""A training that is killed leaves all but its last second."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nanwatch.record.read import find_run, read_run
from tests.side_by_side import MODULE, ended, environment

SCRIPT = """
import time
import keras
import numpy as np

rng = np.random.default_rng(1)
x = rng.normal(size=(64, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy")


class Tell(keras.callbacks.Callback):
    steps = 0

    def on_train_batch_end(self, batch, logs=None):
        Tell.steps += 1
        time.sleep(0.02)
        print(Tell.steps, time.time(), flush=True)


model.fit(x, y, batch_size=8, epochs=9999, verbose=0, callbacks=[Tell()])
"""
LOST = 1.0  # seconds: what a kill may cost
PATIENCE = 200  # steps after which it is killed: 4 s, over several drains


@pytest.mark.tensorflow
def test_all_but_the_last_second(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [*MODULE, "run", "train.py"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    done = []
    for line in process.stdout:
        done.append(float(line.split()[1]))
        if len(done) == PATIENCE:
            break
    process.send_signal(signal.SIGKILL)
    killed = time.time()
    process.stdout.close()
    assert process.wait(60) == -signal.SIGKILL
    run = read_run(find_run(tmp_path / "logs"))
    assert list(run.damage) == []
    assert (run.info.status, run.info.exit_status, run.info.errors) == ("running", None, ())
    (fit,) = run.fits
    old = sum(moment < killed - LOST for moment in done)
    assert fit.steps.total >= old > 0
    assert [step for step, _ in fit.losses()][:old] == list(range(old))
    assert all(0 < loss < 9 for _, loss in fit.losses())
    assert len(fit.epoch_logs()) >= old // 8
    assert fit.model.outputs[0].activation == "sigmoid"
    assert fit.info.data.inputs[0].rows == 64
    report = ended(tmp_path, *MODULE, "explain", "--format", "json")
    assert report.status == 0
    told = json.loads(report.stdout)
    assert told["run"]["outcome"] == "incomplete"
    assert told["run"]["steps"] >= old
    assert all(diagnosis["level"] == "note" for diagnosis in told["diagnoses"])


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGKILL])
def test_killed_before_keras_was_imported(kill: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(f"import os, time\nos.kill(os.getpid(), {int(kill)})\ntime.sleep(9)\n")
    assert ended(tmp_path, *MODULE, "run", "train.py").status == -kill
    report = ended(tmp_path, *MODULE, "explain", "--format", "json")
    assert report.status == 0
    told = json.loads(report.stdout)
    assert told["run"]["outcome"] in ("incomplete", "no-training")
    assert told["diagnoses"] == []
