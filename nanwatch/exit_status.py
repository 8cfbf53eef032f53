"""What a command ends with, where it does not end with the script's own status."""

from __future__ import annotations

import signal
from enum import IntEnum


class ExitStatus(IntEnum):
    """The statuses that nanwatch gives; any other is the script's."""

    OK = 0
    FAILED = 2  # wrong usage, an error of nanwatch's own, or nothing to report on
    HALTED = 3  # a training was halted
    FINDINGS = 3  # findings reach --fail-on: to a build server the same as a halted training
    INTERRUPTED = 128 + signal.SIGINT  # as a shell says of a program that Ctrl-C ended
