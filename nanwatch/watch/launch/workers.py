"""The workers of one job: which of them this process is, and the run folder that they share."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nanwatch.record.write import new_folder

APART = 600.0  # seconds within which the workers of a job start; a folder that is older is of another job
# Variables that launchers set: (number of processes, this one's number, what names the job).
LAUNCHERS = (
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", ("SLURM_JOB_ID", "SLURM_STEP_ID")),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid")),
    ("HOROVOD_SIZE", "HOROVOD_RANK", ("HOROVOD_GLOO_RENDEZVOUS_ADDR", "HOROVOD_GLOO_RENDEZVOUS_PORT")),
)


class Worker(NamedTuple):
    job: str  # the same for all workers of a job, letters and digits
    name: str  # "worker 1"


def worker_here(variables: Mapping[str, str]) -> Worker | None:
    """As whoever started this process says it; None where it trains alone."""
    found = by_tf_config(variables.get("TF_CONFIG", ""))
    return found or next(filter(None, (by_launcher(variables, *each) for each in LAUNCHERS)), None)


def by_tf_config(text: str) -> Worker | None:
    """What TensorFlow itself goes by: the addresses of all, and which of them this one is."""
    try:
        table: Any = json.loads(text)
        cluster, task = table["cluster"], table["task"]
        trained = [address for kind in ("chief", "worker") for address in cluster.get(kind, ())]
        if len(trained) < 2 or task["type"] not in ("chief", "worker"):
            return None
        return Worker(short(json.dumps(cluster, sort_keys=True)), f"{task['type']} {int(task['index'])}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def by_launcher(variables: Mapping[str, str], size: str, rank: str, names: tuple[str, ...]) -> Worker | None:
    try:
        if int(variables[size]) < 2:
            return None
        number = int(variables[rank])
    except (KeyError, ValueError):
        return None
    known = [variables[name] for name in names if variables.get(name)]
    return Worker(short(size + " ".join(known)), f"worker {number}") if known else None


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def join(log_dir: Path, script: str, worker: Worker) -> tuple[Path, bool]:
    """(the run folder of the job, whether this worker has made it); whoever comes first makes it.

    A worker whose place in the folder is taken belongs to a later job at the same addresses.

    Raises ``OSError``: no folder can be made, or no link.
    """
    known = [number_of(entry.name, worker) for entry in os.scandir(log_dir)] if log_dir.is_dir() else []
    for number in itertools.count(max(known, default=0)):
        pointer = log_dir / f".job-{worker.job}-{number}"
        if not pointer.exists():
            folder = new_folder(log_dir, script)
            if points(pointer, folder):
                take_place(folder, worker)
                return folder, True
            folder.rmdir()
        folder = log_dir / Path(pointer.read_text()).name
        if time.time() - pointer.stat().st_mtime < APART and folder.is_dir() and take_place(folder, worker):
            return folder, False
    raise AssertionError


def number_of(name: str, worker: Worker) -> int:
    """Of a pointer to a folder of this job; 0 for another file."""
    found = re.fullmatch(rf"\.job-{worker.job}-(\d+)", name)
    return int(found[1]) if found else 0


def points(pointer: Path, folder: Path) -> bool:
    """Have ``pointer`` hold the name of ``folder``, whole or not at all; not where another was quicker."""
    written = folder / ".name"
    written.write_text(folder.name)
    try:
        os.link(written, pointer)
    except FileExistsError:
        return False
    finally:
        written.unlink()
    return True


def take_place(folder: Path, worker: Worker) -> bool:
    """Whether nobody else was this worker in ``folder``."""
    try:
        with open(folder / f".{worker.name.replace(' ', '-')}", "x"):
            return True
    except FileExistsError:
        return False
