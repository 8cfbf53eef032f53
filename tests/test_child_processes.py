"""What a script trains in child processes is in the report of its run, and they end as under ``python``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from nanwatch.record.read import find_run, read_run
from tests.side_by_side import MODULE, ended, ended_warm

pytestmark = pytest.mark.tensorflow

WORKER = """
import sys
import keras
import numpy as np


def train(seed, bad=False, epochs=2):
    keras.utils.set_random_seed(seed)
    x = np.random.default_rng(seed).normal(size=(128, 8)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    if bad:
        x[100, 3] = np.nan
    parts = [keras.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(parts)
    model.compile("adam", "binary_crossentropy")
    found = model.fit(x, y, batch_size=16, epochs=epochs, shuffle=False, verbose=0).history["loss"]
    print(seed, found, [float(np.abs(value).sum()) for value in model.get_weights()], flush=True)


if __name__ == "__main__":
    train(int(sys.argv[1]))
"""
FORKS = """
import multiprocessing
import os
import sys
import threading
from worker import train

bad = "bad" in sys.argv
context = multiprocessing.get_context("fork")
for seed in (1, 2):
    child = context.Process(target=train, args=(seed, bad and seed == 2))
    child.start()
    child.join()
    print("ended", child.exitcode, flush=True)
child = os.fork()
if not child:
    train(3)
    raise SystemExit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
threading.Thread(target=train, args=(4,)).start()  # whose end nobody waits for but Python
"""


def test_forks(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "train.py").write_text(FORKS)
    python = ended_warm(tmp_path, sys.executable, "train.py")
    nanwatch = ended_warm(tmp_path, *MODULE, "run", "-v", "--log-dir", "logs", "train.py")
    assert python.status == 0
    assert nanwatch[:2] == python[:2]
    run = read_run(find_run(tmp_path / "logs"))
    assert [(fit.info.steps, fit.info.epochs, fit.info.status) for fit in run.fits] == [
        (16, 2, "finished")
    ] * 4
    assert {part.info.status for part in run.parts} == {"finished"}
    assert len({part.info.pid for part in run.parts}) == 3
    assert run.info.errors == ()
    report = " ".join(nanwatch.stderr.decode().split())
    assert len(re.findall(r"Process \d+: 1 training, 16 steps, loss ", report)) == 3
    assert "Nothing found." in report


def test_a_fork_that_is_halted(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "train.py").write_text(FORKS)
    done = ended_warm(tmp_path, *MODULE, "run", "train.py", "bad")
    assert (done.status, done.stdout.count(b"ended 1\n"), done.stdout.count(b"ended 0\n")) == (3, 1, 1)
    (halted,) = [part for part in read_run(find_run(tmp_path / "logs")).parts if part.info.incident]
    report = done.stderr.decode()
    report = " ".join(report[report.index("nanwatch \u00b7") :].split())
    assert f"The input was NaN at step 6, in epoch 1 of 2, in process {halted.info.pid}." in report
    assert "NW101" in report
    assert "nanwatch replay" not in report
    again = ended(tmp_path, *MODULE, "replay")
    assert again.status == 2
    assert again.stderr.decode().startswith(
        f"nanwatch: The incident was in a child process of the script, {halted.info.pid}, which cannot be "
        "started again by itself. Its snapshot is in "
    )
    found = json.loads(ended(tmp_path, *MODULE, "explain", "--format", "json").stdout)
    assert found["incident"]["process"] == found["diagnoses"][0]["process"] == halted.info.pid
    assert found["run"]["steps"] == 3 * 16 + 7


STARTED = """
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor


def work(seed):
    from worker import train
    train(seed)
    return seed


if __name__ == "__main__":
    command = [sys.executable, "worker.py", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            print(list(pool.map(work, [8, 9])))
        print(process.stdout.read().split()[0])
"""


def test_processes_that_are_started(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "train.py").write_text(STARTED)
    done = ended(tmp_path, *MODULE, "run", "-v", "train.py")
    assert done.status == 0
    assert done.stdout.decode().splitlines()[-2:] == ["[8, 9]", "7"]
    run = read_run(find_run(tmp_path / "logs"))
    parts = sorted(([fit.info.steps for fit in part.fits], Path(part.info.script).name) for part in run.parts)
    assert parts == [([16], "worker.py"), ([16, 16], "train.py")]
    assert {part.info.status for part in run.parts} == {"finished"}
    assert (run.info.errors, run.damage) == ((), [])
    (worker,) = [part for part in run.parts if len(part.fits) == 1]
    report = " ".join(done.stderr.decode().split())
    assert f"Process {worker.info.pid} (worker.py 7): 1 training, 16 steps, loss " in report
