"""nanwatch's commands, and a script under ``nanwatch run`` beside the same under ``python``, on a pair."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.versions.environments import ROOT, variables

SCRIPT = "quickstart.py"
STATUS = 7  # with which `every_kind.py` ends


def wrongs(python: Path) -> Iterator[str]:
    """What was wrong, a sentence each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "examples" / SCRIPT, folder)
        shutil.copy(Path(__file__).with_name("every_kind.py"), folder)
        yield from not_as_under_python(python, folder)
        run = call(python, folder, "-m", "nanwatch", "run", "--prove", "0", SCRIPT)
        if run.returncode != 3:
            yield f"run ended with {run.returncode}: {run.stderr[-300:]}"
        for arguments, status, words in (
            (("replay", "--yes"), 0, "RealDiv"),
            (("check", SCRIPT), 3, f"{SCRIPT}:18"),
            (("fix", SCRIPT), 0, '+        keras.layers.Dense(2, activation="softmax")'),
        ):
            done = call(python, folder, "-m", "nanwatch", *arguments)
            if done.returncode != status or words not in done.stdout + done.stderr:
                yield f"{arguments[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-300:]}"


def not_as_under_python(python: Path, folder: Path) -> Iterator[str]:
    bare = call(python, folder, "every_kind.py")
    watched = call(python, folder, "-m", "nanwatch", "run", "--log-dir", "watched", "every_kind.py")
    if bare.returncode != STATUS:
        yield f"python ended with {bare.returncode}: {bare.stderr[-300:]}"
    if (watched.returncode, watched.stdout) != (bare.returncode, bare.stdout):
        yield f"under nanwatch run it ended with {watched.returncode}, and printed: {watched.stdout[-300:]}"
    explained = call(python, folder, "-m", "nanwatch", "explain", "--format", "json", "watched")
    report = json.loads(explained.stdout or "{}")
    if not report or report["cost"]["not_watched"] or report["run"]["steps"] != 12 + 1 + 8 + 12:
        yield f"of a script with trainings of each kind was seen: {report.get('run')}, {report.get('cost')}"


def call(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), *arguments], cwd=folder, env=variables(), capture_output=True, text=True, timeout=600
    )
