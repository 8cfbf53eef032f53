"""What is asked of a process: what it runs, whether it was forked off, and when it comes to its end."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nanwatch.errors import NanwatchError
from nanwatch.record.read import read_info
from nanwatch.watch.keras_seam.patches import renew_lock
from nanwatch.watch.launch import user_lines
from nanwatch.watch.launch.cells import shell_here

LAST_OF_ALL = -(10**6)  # of what a process of `multiprocessing` does at its end


class OfARun(Protocol):
    """What writes the record of a process."""

    def become_part(self) -> None:
        """In a process that was just forked off."""


FORKING: list[OfARun] = []  # what writes a part in each forked child, until it has ended
FORKS_FOLLOWED: list[bool] = []  # there is no way to be told no more


def follow_forks(recorder: OfARun) -> None:
    """From now on a process that is forked off has a part of the run."""
    if not FORKS_FOLLOWED and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin_in_child)
        FORKS_FOLLOWED.append(True)
    FORKING.append(recorder)


def follow_forks_no_more(recorder: OfARun) -> None:
    FORKING[:] = [other for other in FORKING if other is not recorder]


def begin_in_child() -> None:
    if FORKING:
        renew_lock()
    for recorder in FORKING:
        with contextlib.suppress(Exception):
            recorder.become_part()


def end_with_process(end: Callable[[], None]) -> None:
    """Call ``end`` when this process leaves. One of `multiprocessing` heeds no hook of `atexit`."""
    atexit.register(end)
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, end, exitpriority=LAST_OF_ALL)


def working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it is gone
        return ""


def script_of_process() -> tuple[str, tuple[str, ...]]:
    """Script and arguments of a process that nanwatch did not start: a notebook's, say."""
    if (shell := shell_here()) is not None:  # its file and arguments are the kernel's
        return ("notebook" if hasattr(shell, "kernel") else "interactive"), ()
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return (main or "interactive"), tuple(sys.argv)


def script_of_part(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Script and arguments of a child process of the run in ``folder``.

    One that another package started, as joblib's workers are, has the run's.
    """
    script, argv = script_of_process()
    if user_lines.is_users(os.path.abspath(script)) and os.path.exists(script):
        return script, argv
    try:
        run = read_info(folder)
    except NanwatchError:
        return script, argv
    return run.script, run.argv
