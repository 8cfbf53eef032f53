"""An environment with one pair of Keras and TensorFlow, and what nanwatch needs besides."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path

from tests.versions.pairs import Pair

ROOT = Path(__file__).parent.parent.parent
LINES_OF_PIP = 8  # of what it says last
TESTING = ("pytest>=8.2",)  # for the tests of the seam


class NoEnvironment(Exception):
    """A sentence that says which one could not be made, and what pip said."""


def environment(pair: Pair, folder: Path, more: Sequence[str] = TESTING) -> Path:
    """The Python of the pair's environment below ``folder``, made anew unless it is there already.

    Raises:
        NoEnvironment: there is no network, say, or no such pair for this Python.
    """
    place = folder / pair.name.replace("/", "-")
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = place / "made"
    if not done.exists():
        venv.create(place, with_pip=True, clear=True)
        install(python, pair, [*requirements(pair), *more])
        done.touch()
    return python


def requirements(pair: Pair) -> list[str]:
    """The pair, and what nanwatch depends on, whichever TensorFlow it names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [each for each in project["dependencies"] if not each.startswith("tensorflow")]
    tensorflow = (
        "tensorflow-cpu" if (sys.platform, platform.machine()) == ("linux", "x86_64") else "tensorflow"
    )
    if not pair.keras:
        return [tensorflow, "keras", *needed]
    return [f"{tensorflow}=={pair.tensorflow}", f"keras=={pair.keras}", *needed]


def install(python: Path, pair: Pair, packages: Sequence[str]) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-LINES_OF_PIP:])
        raise NoEnvironment(
            f"No environment with Keras and TensorFlow {pair.name} could be made for Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}; nothing was tried in it. pip says:\n  {said}"
        )


def variables() -> dict[str, str]:
    """For a process of an environment: it is this nanwatch that is tried, and no Keras of another kind."""
    others = re.compile("PYTHON|NANWATCH|KERAS|TF_|GITHUB|VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not others.match(name)}
    return {**kept, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
