"""Resident memory of a process that trains many models, under Python and under nanwatch in turns.

``python -m benchmarks.memory [WAY]...``; the ways are those of `benchmarks.many_models`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).with_name("many_models.py")
WAYS = ("fit", "batches", "loop", "eager")
MODELS, EVERY, ROUNDS = 40, 10, 2
LIMIT = 60  # megabytes: what a watched search may take more


def main(ways: list[str]) -> None:
    numbers = [*range(EVERY, MODELS + 1, EVERY)]
    print(f"{'megabytes after':<22}", *(f"{number:5}" for number in numbers), "models")
    for way in ways or WAYS:
        ends: dict[str, list[int]] = {"python": [], "nanwatch": []}
        for _ in range(ROUNDS):
            for name, end in ends.items():
                found = measured(name, way)
                end.append(found[-1])
                print(f"{way + ', ' + name:<22}", *(f"{value:5}" for value in found), flush=True)
        more = max(ends["nanwatch"]) - min(ends["python"])
        print(f"{way}: {more} MB more, {'within' if more <= LIMIT else 'over'} the limit of {LIMIT} MB")


def measured(name: str, way: str) -> list[int]:
    """Megabytes, after every `EVERY` models."""
    with tempfile.TemporaryDirectory() as folder:
        watch = ["-m", "nanwatch", "run", "--quiet", "--log-dir", folder] if name == "nanwatch" else []
        command = [sys.executable, *watch, str(SCRIPT), way, str(MODELS)]
        ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [int(line) for line in ended.stdout.split()]


if __name__ == "__main__":
    main(sys.argv[1:])
