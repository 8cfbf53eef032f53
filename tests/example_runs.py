"""Each example under ``nanwatch run``, once for all tests that look at it."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.side_by_side import COMMAND, MODULE, Ended, ended, ended_warm

EXAMPLES = Path(__file__).parent.parent / "examples"
SHOWN = "quickstart"  # in docs; as it is typed there, in a process of its own from the first byte on


class ExampleRun(NamedTuple):
    """``folder`` is where it was run, and holds ``examples/`` and ``logs/``."""

    ended: Ended
    folder: Path


@functools.cache
def example_run(name: str) -> ExampleRun:
    folder = Path(tempfile.mkdtemp(prefix="nanwatch-example-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "examples").mkdir()
    shutil.copy(EXAMPLES / f"{name}.py", folder / "examples")
    command = ("run", f"examples/{name}.py")
    run = ended(folder, *COMMAND, *command) if name == SHOWN else ended_warm(folder, *MODULE, *command)
    return ExampleRun(run, folder)
