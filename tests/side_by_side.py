"""One script under ``python`` and under ``nanwatch run``, in the same folder, one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.warm_python import run_warm

MODULE = (sys.executable, "-m", "nanwatch")
COMMAND = (str(Path(sys.executable).with_name("nanwatch")),)


class Ended(NamedTuple):
    status: int
    stdout: bytes
    stderr: bytes


def environment(**more: str) -> dict[str, str]:
    """The test's own, less what changes how Python or nanwatch behaves; it is this nanwatch that is run."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "PYTHONPATH" or not name.startswith(("PYTHON", "NANWATCH", "GITHUB"))
    }
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8", **more}


def ended(folder: Path, *command: str, stdin: bytes = b"", **more: str) -> Ended:
    deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as under nohup, and a child inherits it
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**more),
        input=stdin,
        capture_output=True,
        timeout=300,
        preexec_fn=heed_interrupts if deaf else None,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended_warm(folder: Path, *command: str, stdin: bytes = b"", **more: str) -> Ended:
    """As `ended`, of a command that trains: it need not import TensorFlow first."""
    python, *arguments = command
    assert python == sys.executable
    return Ended(*run_warm(arguments, folder, environment(**more), stdin))


def under_python(folder: Path, *arguments: str, stdin: bytes = b"", **more: str) -> Ended:
    return ended(folder, sys.executable, *arguments, stdin=stdin, **more)


def under_nanwatch(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    by: tuple[str, ...] = MODULE,
    options: tuple[str, ...] = ("--quiet",),
    **more: str,
) -> Ended:
    """The record goes to ``records``, beside ``folder``."""
    records = str(folder.parent / "records")
    return ended(folder, *by, "run", *options, "--log-dir", records, *arguments, stdin=stdin, **more)
