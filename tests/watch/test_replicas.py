"""Two replicas on two logical CPUs: what one sees holds back the update of both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tensorflow
SCRIPT = """
import json, sys
import keras, numpy as np, tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
rows, batch = (65, 64) if "empty" in sys.argv else (128, 32)
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(rows, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
if "nan" in sys.argv:
    x[116, 3] = np.nan
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"),
                              keras.layers.BatchNormalization(), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
steps = 3 if "three" in sys.argv else None
try:
    model.fit(x, y, batch_size=batch, epochs=1, verbose=0, shuffle=False, steps_per_epoch=steps)
finally:
    held = [np.asarray(v.numpy()).ravel().tolist() for v in [*model.variables, *model.optimizer.variables]]
    print(json.dumps(held))
"""


def ran(folder: Path, *arguments: str, under: bool = True) -> tuple[int, list[Any]]:
    """(exit status, the variables at the end)."""
    (folder / "train.py").write_text(SCRIPT)
    start = ["-m", "nanwatch", "run", "--quiet"] if under else []
    done = subprocess.run(
        [sys.executable, *start, "train.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next((folder / "logs").glob("*/run.json")).read_text())
    return found


def test_a_healthy_training_is_the_same(tmp_path: Path) -> None:
    assert ran(tmp_path, "healthy") == ran(tmp_path, "healthy", under=False)
    assert record(tmp_path)["fits"][0]["replicas"] == 2
    assert record(tmp_path)["fits"][0]["steps"] == 4
    assert record(tmp_path).get("errors", []) == []


def test_both_replicas_stand_where_they_stood_before_the_bad_step(tmp_path: Path) -> None:
    status, held = ran(tmp_path, "nan")
    _, before = ran(tmp_path, "healthy", "three", under=False)
    assert status == 3
    assert held == before
    incident = record(tmp_path)["incident"]
    assert (incident["step"], incident["role"], incident["replica"]) == (3, "input", 1)


def test_an_empty_replica(tmp_path: Path) -> None:
    status, _ = ran(tmp_path, "empty")
    assert status == 3
    assert record(tmp_path)["incident"]["replica"] == 1
