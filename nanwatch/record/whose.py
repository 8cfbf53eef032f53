"""Whose a run is: of which machine, and of which user there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from functools import cache
from pathlib import Path

MACHINE_FILE = Path("/etc/machine-id")  # where the system has one


@cache
def maker_here() -> str:
    """What tells this user on this machine from others, and says nothing of either."""
    machine = ""
    with contextlib.suppress(OSError):
        machine = MACHINE_FILE.read_text(errors="replace")
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return hashlib.sha256("\0".join((platform.node(), machine, user)).encode()).hexdigest()[:16]


def is_own(made_by: str, folder: Path | None) -> bool:
    """Whether the run in ``folder`` says that it was made here, and its folder belongs to this user."""
    if folder is None or made_by != maker_here():
        return False
    try:
        return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False
