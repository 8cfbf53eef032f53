"""What has become of a run's process: its record does not know when it is killed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

from nanwatch.record.facts import RunInfo

RunState = Literal["running", "finished", "halted", "crashed", "interrupted", "killed"]
INTERRUPTED = 130  # the exit status of a process that Ctrl-C has ended: 128 and the signal's number
# run.json is written every 10 s while a training goes on; one that has not changed for so long, of a
# process that cannot be seen from here, is taken for abandoned.
ABANDONED = 30.0  # seconds
START = 19  # of a process, among the fields of /proc/PID/stat behind its name


def run_state(info: RunInfo, folder: Path | None) -> RunState:
    """The state of a run as it is now; its record says "running" for ever of one that was killed."""
    if info.status == "killed":
        return "interrupted" if info.exit_status == INTERRUPTED else "killed"
    if info.status != "running":
        return info.status
    return "running" if is_running(info, folder) else "killed"


def is_running(info: RunInfo, folder: Path | None) -> bool:
    """Whether its process lives: the one that began then, not another that has its number since."""
    if folder is None or info.pid <= 0:
        return False
    if info.host == host_name() and info.process_start:
        return process_start(info.pid) == info.process_start
    return changed_lately(folder)


def changed_lately(folder: Path) -> bool:
    try:
        times = [entry.stat().st_mtime for entry in os.scandir(folder)]
    except OSError:
        return False
    return time.time() - max(times, default=0.0) < ABANDONED


def host_name() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def process_start(pid: int) -> str:
    """When the process began, by a mark that no other process of this machine has; "" of none.

    Told on Linux alone: the machine's boot and the clock's ticks since then.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if len(fields) <= START or fields[0] in "ZX" else f"{boot}/{fields[START]}"
