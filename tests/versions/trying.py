"""A pair that is tried: its environment is made, and what is to be tried is tried in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.versions import commands
from tests.versions.environments import ROOT, environment, variables
from tests.versions.pairs import Pair
from tests.versions.tried import PARTS

COMMANDS, NAMES = "commands", "names"
ALL = (*PARTS, COMMANDS, NAMES)
SECONDS = 1800
SEAM = "tests/watch/keras_seam"
TESTS_OF_NAMES = (f"{SEAM}/test_keras3.py", f"{SEAM}/test_tensorflow_names.py", f"{SEAM}/test_patches.py")


@dataclass(frozen=True)
class Tried:
    """``wrongs`` are by part; of a part that was not tried there are none at all."""

    versions: Mapping[str, str]
    wrongs: Mapping[str, Sequence[str]]


def try_pair(pair: Pair, folder: Path, parts: Sequence[str] = ALL) -> Tried:
    """Raises `NoEnvironment`."""
    python = environment(pair, folder)
    command = [str(python), "-m", "tests.versions.tried", *(part for part in parts if part in PARTS)]
    done = subprocess.run(command, cwd=ROOT, env=variables(), capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        failed = [f"the process ended with {done.returncode}: {done.stderr[-500:]}"]
        return Tried({"keras": pair.keras, "tensorflow": pair.tensorflow, "python": ""}, {parts[0]: failed})
    said = json.loads(done.stdout.splitlines()[-1])
    wrongs: dict[str, Sequence[str]] = dict(said["wrongs"])
    if COMMANDS in parts:
        wrongs[COMMANDS] = list(commands.wrongs(python))
    if NAMES in parts:
        wrongs[NAMES] = wrong_names(python)
    return Tried(said["versions"], wrongs)


def wrong_names(python: Path) -> list[str]:
    """The tests of all private names that nanwatch goes by."""
    warnings = ("-o", "filterwarnings=default")  # an older Keras and a newer NumPy warn of one another
    command = [str(python), "-m", "pytest", "-q", *warnings, *TESTS_OF_NAMES]
    done = subprocess.run(command, cwd=ROOT, env=variables(), capture_output=True, text=True, timeout=SECONDS)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed or ([f"pytest ended with {done.returncode}"] if done.returncode else [])
