"""A script as a process of its own, bare and watched in turns: its CPU time, its memory, what it tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scripts.told import CALLBACK

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "scripts"
NANWATCH = "nanwatch"
TERMINATE = "TerminateOnNaN"


@dataclass(frozen=True)
class Measured:
    """One process: CPU seconds with those of its children, the peak of its memory in megabytes, what it told.

    ``after`` is how many seconds it went on once the script had nothing left to do.
    """

    cpu: float
    peak_mb: float
    told: dict[str, Any]
    after: float
    record_bytes: int


def in_turns(
    script: str, words: Sequence[object], ways: Sequence[str], rounds: int
) -> dict[str, list[Measured]]:
    """Way -> what was measured in each round; the ways take turns, so that all see the same machine."""
    found: dict[str, list[Measured]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            found[way].append(measured(way, SCRIPTS / script, words))
    return found


def measured(way: str, script: Path, words: Sequence[object] = ()) -> Measured:
    """Run ``script`` once. Raises SystemExit with what it said where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        watch = ["-m", "nanwatch", "run", "--quiet", "--prove", "0", "--log-dir", folder]
        command = [sys.executable, *(watch if way == NANWATCH else []), str(script), *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        if way == TERMINATE:
            environment[CALLBACK] = way
        out, usage, status = run(command, environment, folder)
        ended = time.time()
        if status != 0:
            raise SystemExit(f"{' '.join(command)} ended with {status}:\n{out[-3000:]}")
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        record_bytes = sum(file.stat().st_size for file in Path(folder).rglob("*.json*"))
    return Measured(usage.cpu, usage.peak_mb, told, ended - told["ended"], record_bytes)


@dataclass(frozen=True)
class Usage:
    cpu: float
    peak_mb: float


def run(command: Sequence[str], environment: dict[str, str], folder: str) -> tuple[str, Usage, int]:
    """(stdout and stderr, what it took of the machine, status) of ``command``."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=out)
        _, status, took = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().decode(errors="replace")
    return said, Usage(took.ru_utime + took.ru_stime, took.ru_maxrss / 1024), process.returncode
