"""Which worker of a job a process is, and the run folder that all of them share."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from nanwatch.explain.processes import process_lines
from nanwatch.explain.reporting import report_on
from nanwatch.record.read import find_run, read_run
from nanwatch.watch.launch import workers
from nanwatch.watch.launch.workers import Worker, join, worker_here
from nanwatch.watch.recording.run_recorder import open_recorder

CLUSTER = {"worker": ["one:1", "two:1"]}


def tf_config(kind: str = "worker", index: int = 0, cluster: object = CLUSTER) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        (tf_config(), "worker 0"),
        (tf_config(index=1), "worker 1"),
        (tf_config("chief", 0, {"chief": ["one:1"], "worker": ["two:1"]}), "chief 0"),
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3", "SLURM_JOB_ID": "77"}, "worker 3"),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "PMIX_NAMESPACE": "a@1"}, "worker 1"),
        (
            {"HOROVOD_SIZE": "2", "HOROVOD_RANK": "0", "HOROVOD_GLOO_RENDEZVOUS_PORT": "4444"},
            "worker 0",
        ),
    ],
)
def test_a_worker(variables: Mapping[str, str], name: str) -> None:
    found = worker_here(variables)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"TF_CONFIG": "{"},
        {"TF_CONFIG": "[]"},
        {"TF_CONFIG": '{"cluster": {"worker": ["a", "b"]}, "task": 3}'},
        tf_config(cluster={"worker": ["one:1"]}),
        tf_config("ps"),
        tf_config("evaluator"),
        {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "SLURM_JOB_ID": "77"},
        {"SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "77"},
        {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"},  # nothing names the job
    ],
)
def test_no_worker(variables: Mapping[str, str]) -> None:
    assert worker_here(variables) is None


def test_all_workers_name_the_same_job() -> None:
    first, second = worker_here(tf_config()), worker_here(tf_config(index=1))
    other = worker_here(tf_config(cluster={"worker": ["one:1", "three:1"]}))
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.job == second.job != other.job


def test_whoever_comes_first_makes_the_folder(tmp_path: Path) -> None:
    folder, first = join(tmp_path / "logs", "train.py", Worker("j", "worker 1"))
    assert first
    assert join(tmp_path / "logs", "train.py", Worker("j", "worker 0")) == (folder, False)
    other, first = join(tmp_path / "logs", "train.py", Worker("k", "worker 0"))
    assert first
    assert other != folder


def test_the_same_job_once_more_has_another_folder(tmp_path: Path) -> None:
    old, _ = join(tmp_path, "train.py", Worker("j", "worker 0"))
    new, first = join(tmp_path, "train.py", Worker("j", "worker 0"))
    assert first
    assert new != old
    assert join(tmp_path, "train.py", Worker("j", "worker 1")) == (new, False)


@pytest.mark.parametrize(("age", "joins"), [(workers.APART - 60, True), (workers.APART + 60, False)])
def test_a_place_that_was_left_free_long_ago_is_not_taken(tmp_path: Path, age: float, joins: bool) -> None:
    old, _ = join(tmp_path, "train.py", Worker("j", "worker 0"))
    pointer = tmp_path / ".job-j-0"
    then = pointer.stat().st_mtime - age
    os.utime(pointer, (then, then))
    new, first = join(tmp_path, "train.py", Worker("j", "worker 1"))
    assert (new == old, first) == (joins, not joins)


def come(log_dir: str, number: int, found: multiprocessing.Queue[tuple[str, bool]]) -> None:
    folder, first = join(Path(log_dir), "train.py", Worker("j", f"worker {number}"))
    found.put((folder.name, first))


def test_twenty_that_come_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    found: multiprocessing.Queue[tuple[str, bool]] = context.Queue()
    processes = [context.Process(target=come, args=(str(tmp_path), number, found)) for number in range(20)]
    for process in processes:
        process.start()
    answers = [found.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert len({folder for folder, _ in answers}) == 1
    assert sum(first for _, first in answers) == 1
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == [answers[0][0]]


def test_a_disk_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker has a folder of its own then, as where nothing tells of a job."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setenv("TF_CONFIG", tf_config()["TF_CONFIG"])
    recorder = open_recorder(tmp_path, ("train.py",))
    assert not recorder.is_part
    assert recorder.info.worker == ""


def test_the_record_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.watch.recording.test_parts import record_fit

    monkeypatch.setenv("TF_CONFIG", tf_config(index=1)["TF_CONFIG"])
    first = open_recorder(tmp_path, ("train.py",))
    monkeypatch.setenv("TF_CONFIG", tf_config(index=0)["TF_CONFIG"])
    second = open_recorder(tmp_path, ("train.py",))
    assert (first.is_part, second.is_part) == (False, True)
    record_fit(first, 3)
    record_fit(second, 4)
    second.end_part()
    first.end("finished", 0)
    run = read_run(find_run(tmp_path))
    assert run.info.worker == "worker 1"
    assert [part.info.worker for part in run.parts] == ["worker 0"]
    assert (run.folder / "part-worker-0").is_dir() if run.folder else False
    (line,) = process_lines(report_on(find_run(tmp_path)))
    assert line.startswith("Worker 0: 1 training, 4 steps")
