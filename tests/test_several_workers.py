"""A job of two workers that train in step, in two real processes on this machine, by Keras 2: the fit of
Keras 3 knows no ``MultiWorkerMirroredStrategy``."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanwatch.explain.reporting import report_on
from nanwatch.record.notes import OnParameterServers
from nanwatch.record.read import find_run, read_run

pytestmark = pytest.mark.tensorflow

PROGRAM = textwrap.dedent(
    """
    import sys
    import numpy as np
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    import tf_keras as keras

    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(128, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    if "sick" in sys.argv and strategy.cluster_resolver.task_id == 1:
        x[70:] = np.nan
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="tanh")])
        model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.Dense(1, activation="sigmoid"))
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    epochs = 1000 if "long" in sys.argv else 2
    model.fit(rows.with_options(options), epochs=epochs, verbose=0)
    print("trained")
    """
)


def free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@contextlib.contextmanager
def job(folder: Path, number: int, *arguments: str) -> Iterator[list[subprocess.Popen[str]]]:
    """So many workers of the program, under nanwatch; none is left behind the block."""
    pytest.importorskip("tf_keras")
    (folder / "train.py").write_text(PROGRAM)
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(number)]}
    command = [sys.executable, "-m", "nanwatch", "run", "--prove", "0", "--quiet", "train.py", *arguments]
    workers = []
    for index in range(number):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        own = os.environ | {"TF_CONFIG": config, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        workers.append(subprocess.Popen(command, cwd=folder, env=own, stdout=pipe, stderr=pipe, text=True))
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def train(folder: Path, state: str) -> list[tuple[int, str]]:
    """(status, stdout) of each of two workers."""
    with job(folder, 2, state) as workers:
        said = [worker.communicate(timeout=240)[0] for worker in workers]
    return [(worker.returncode, text) for worker, text in zip(workers, said, strict=True)]


def test_a_job_that_trains_well(tmp_path: Path) -> None:
    assert train(tmp_path, "well") == [(0, "trained\n"), (0, "trained\n")]
    run = read_run(find_run(tmp_path / "logs"))
    assert {run.info.worker, *(part.info.worker for part in run.parts)} == {"worker 0", "worker 1"}
    assert [fit.info.steps for fit in run.fits] == [16, 16]
    assert [len(fit.losses()) for fit in run.fits] == [16, 16]
    assert run.info.not_watched == ()
    assert run.info.errors == ()
    assert report_on(find_run(tmp_path / "logs")).diagnoses.outcome == "healthy"


def test_a_nan_in_the_rows_of_one_halts_both_before_the_update(tmp_path: Path) -> None:
    assert [status for status, _ in train(tmp_path, "sick")] == [3, 3]
    report = report_on(find_run(tmp_path / "logs"))
    run = report.run
    assert run.info.errors == ()
    first, second = run.fits
    assert first.info.steps == second.info.steps < 16  # neither went on alone
    incident = run.info.incident
    assert incident is not None
    assert (incident.role, incident.replica, incident.frozen) == ("input", 1, True)
    infos = {info.worker: info for info in (run.info, *(part.info for part in run.parts))}
    assert set(infos) == {"worker 0", "worker 1"}
    assert report.diagnoses.diagnoses[0].code == "NW101"


def test_where_one_of_three_is_killed_the_others_end_as_under_python(tmp_path: Path) -> None:
    """TensorFlow tells them that it is gone; nanwatch does not have them wait."""
    with job(tmp_path, 3, "long") as workers:
        until = time.monotonic() + 200
        while not list(tmp_path.glob("logs/*/part-*/fit-0.steps")):
            assert time.monotonic() < until
            time.sleep(0.2)
        workers[2].kill()
        said = [worker.communicate(timeout=200)[1] for worker in workers[:2]]
    assert [worker.returncode for worker in workers[:2]] == [1, 1]
    assert all("UnavailableError" in text for text in said)
    run = read_run(find_run(tmp_path / "logs"))
    assert len(run.parts) == 2
    assert run.info.errors == ()
    assert sum(fit.info.status == "crashed" for fit in run.fits) == 2


SERVED = textwrap.dedent(
    """
    import sys
    import numpy as np
    import tensorflow as tf
    import tf_keras as keras

    cluster = tf.train.ClusterSpec({"worker": [sys.argv[1]], "ps": [sys.argv[2]]})
    config = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=4)
    servers = [
        tf.distribute.Server(cluster, job_name=name, task_index=0, config=config, protocol="grpc")
        for name in ("worker", "ps")
    ]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
        model.compile("adam", "binary_crossentropy")
    rows = keras.utils.experimental.DatasetCreator(
        lambda context: tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(16)
    )
    print(len(model.fit(rows, epochs=2, steps_per_epoch=4, verbose=0).history["loss"]))
    """
)


def test_parameter_servers_are_left_alone_and_that_is_said(tmp_path: Path) -> None:
    pytest.importorskip("tf_keras")
    (tmp_path / "train.py").write_text(SERVED)
    places = [f"localhost:{port}" for port in free_ports(2)]
    command = [sys.executable, "-m", "nanwatch", "run", "--prove", "0", "--quiet", "train.py", *places]
    own = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, "2\n")
    report = report_on(find_run(tmp_path / "logs"))
    assert report.run.info.not_watched == (OnParameterServers(),)
    assert report.run.info.errors == ()
    assert report.diagnoses.outcome == "no-training"
