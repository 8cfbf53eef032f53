"""A program under one backend of Keras, bare and watched, and what came of it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
PACKAGE = Path(__file__).parents[2]
EXPECTED = re.compile(r"# (NW\d{3})")
# What is told behind the script's own output: whether TensorFlow was imported, by whomever.
LAST_LINE = "import atexit, sys; atexit.register(lambda: print('tensorflow' in sys.modules))\n"
SECONDS = 600


@dataclass(frozen=True)
class Tried:
    """A program that has run twice."""

    program: str
    status: int
    bare_status: int
    output: str  # of the script, watched
    bare_output: str
    report: dict[str, object]  # as `nanwatch explain --format json` gives it
    shown: str  # on stderr

    @property
    def codes(self) -> list[str]:
        found = self.report["diagnoses"]
        assert isinstance(found, list)
        return [each["code"] for each in found if each["part"] == "cause" and each["level"] != "note"]

    def wrongs(self) -> list[str]:
        """What is not as it should be, in words."""
        wanted = expected(self.program)
        found = [] if self.codes[:1] == wanted else [f"{self.codes} instead of {wanted}"]
        if not wanted and self.status != self.bare_status:
            found.append(f"status {self.status} instead of {self.bare_status}")
        if not wanted and self.output.splitlines()[:1] != self.bare_output.splitlines()[:1]:
            found.append("another output than under python")
        if self.output.splitlines()[-1:] != ["False"]:
            found.append("TensorFlow was imported")
        if "own error" in self.shown:
            found.append(self.shown[self.shown.index("own error") :][:200])
        return found


def expected(program: str) -> list[str]:
    """The code of the fault that a program has."""
    return EXPECTED.findall((PROGRAMS / f"{program}.py").read_text())


def programs() -> list[str]:
    return sorted(path.stem for path in PROGRAMS.glob("*.py"))


def python_with(backend: str) -> str | None:
    """A Python in which Keras can run on ``backend``: this one, or what ``NANWATCH_PYTHON_JAX`` names."""
    if importlib.util.find_spec(backend) is not None:
        return sys.executable
    return os.environ.get(f"NANWATCH_PYTHON_{backend.upper()}")


def run(command: list[str], backend: str, folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NANWATCH")}
    environment = kept | {"KERAS_BACKEND": backend, "PYTHONPATH": str(PACKAGE)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def try_program(program: str, backend: str, python: str, folder: Path) -> Tried:
    """Run ``program`` in ``folder``, bare and watched."""
    script = folder / f"{program}.py"
    first, *rest = (PROGRAMS / f"{program}.py").read_text().splitlines(keepends=True)
    script.write_text("".join([first, LAST_LINE, *rest[1:]]))  # the lines keep their numbers
    bare = run([python, script.name], backend, folder)
    logs = ["--log-dir", f"logs-{program}"]
    watched = run([python, "-m", "nanwatch", "run", *logs, script.name], backend, folder)
    told = run([python, "-m", "nanwatch", "explain", "--format", "json", logs[1]], backend, folder)
    return Tried(
        program,
        watched.returncode,
        bare.returncode,
        watched.stdout,
        bare.stdout,
        json.loads(told.stdout),
        watched.stderr,
    )
