"""A program of this folder run under nanwatch, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nanwatch.explain import as_json, reporting
from nanwatch.explain.notes import own_error_words
from nanwatch.record.read import find_run
from tests.programs.expected import expected_in
from tests.programs.scoring import Score, score

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("programs")
NEEDS = re.compile(r'^""".*needs: ([\w-]+)\.', re.DOTALL)
STATES = ("well", "sick")
LONGEST = 300.0  # seconds
Runner = Callable[[Sequence[str], Path, Mapping[str, str]], int]


@dataclass(frozen=True)
class Outcome:
    """What nanwatch said of ``script`` in a state; ``status`` is that of the process."""

    script: Path
    state: str
    status: int
    steps: int
    score: Score
    errors: tuple[str, ...]  # nanwatch's own

    @property
    def right(self) -> bool:
        is_watched = self.state == "sick" or (self.status == 0 and self.steps > 0)
        return self.score.right and is_watched and not self.errors


def chosen(names: Sequence[str]) -> Iterable[Path]:
    return (path for path in sorted(PROGRAMS.glob("*.py")) if not names or path.stem in names)


def missing(script: Path) -> str | None:
    """The package that ``script`` needs and that is not installed."""
    needed = NEEDS.match(script.read_text())
    if needed is None:
        return None
    try:
        version(needed[1])
    except PackageNotFoundError:
        return needed[1]
    return None


def as_a_user(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """The status of ``python COMMAND``, a process of its own."""
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, timeout=LONGEST
    ).returncode


def watch(script: Path, state: str, run: Runner = as_a_user) -> Outcome:
    """Run ``script`` under nanwatch, to its end."""
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder, "logs")
        command = ["-m", "nanwatch", "run", "--prove", "0", "--log-dir", str(logs), str(script), state]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
        status = run(command, Path(folder), environment)
        report = reporting.report_on(find_run(logs))
    errors = (*map(own_error_words, report.run.info.errors), *report.run.damage)
    expected = expected_in(script) if state == "sick" else frozenset()
    return Outcome(
        script, state, status, report.steps(), score(expected, json.loads(as_json.render(report))), errors
    )
