"""Whether the process of a run still lives."""

from __future__ import annotations

import os
from pathlib import Path

# A record that still changes is written by someone: in a container, or on another machine, whose
# processes are not to be seen from here. It is written at least once a second, but for long steps.
QUIET = 5.0  # seconds


def is_gone(pid: int, idle: float) -> bool:
    """Whether ``pid`` is no process any more, and the record has not changed for a while."""
    return idle >= QUIET and not lives(pid)


def lives(pid: int) -> bool:
    """Whether there is a process ``pid``; True where that cannot be told."""
    if pid <= 0 or os.name == "nt":  # there, a signal of 0 would reach it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return not is_zombie(pid)


def is_zombie(pid: int) -> bool:
    """Whether it has ended, and nobody has asked for its status yet; told on Linux alone."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return said.rpartition(")")[2].split()[:1] == ["Z"]
