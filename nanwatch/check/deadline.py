"""The deadline of a check: the script is asked to end, then reported on from outside, then killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from nanwatch.check.budget import CheckBudget
from nanwatch.exit_status import ExitStatus
from nanwatch.record.notes import EndedByDeadline

# Kept for the report, which takes one or two seconds, four on a machine that does other work too.
RESERVE = 0.2  # of the deadline
MOST_RESERVE = 10.0  # seconds


class Deadline:
    """Ends the script some seconds before ``seconds`` are over, and the process when they are.

    A signal interrupts Python, sleep and input. A call into a library that does not come back
    is not interrupted: halfway through the reserve ``report`` is called from another thread,
    and answers the exit status.
    """

    def __init__(self, seconds: float, short: CheckBudget, report: Callable[[], int]) -> None:
        self.seconds = seconds
        self.reserve = min(MOST_RESERVE, RESERVE * seconds)
        self.short = short
        self.report = report
        self.status: int | None = None  # that the process is to end with, once it is known
        self.outside = daemon_timer(seconds - self.reserve / 2, self.report_from_outside)
        self.last = daemon_timer(seconds, self.leave)
        self.lock = threading.Lock()

    @property
    def reason(self) -> EndedByDeadline:
        return EndedByDeadline(self.seconds - self.reserve, self.seconds)

    def start(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self.on_alarm)
            signal.setitimer(signal.ITIMER_REAL, self.seconds - self.reserve)
        self.outside.start()
        self.last.start()

    def script_ended(self) -> bool:
        """The script is over; False where it is being reported on from outside already."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.outside.cancel()
        return self.lock.acquire(blocking=False)

    def on_alarm(self, number: int, frame: FrameType | None) -> None:
        self.short.end(self.reason)

    def report_from_outside(self) -> None:
        if self.lock.acquire(blocking=False):
            try:
                try:
                    self.short.end(self.reason)
                except SystemExit:
                    self.status = self.report()
            finally:
                self.leave()

    def leave(self) -> NoReturn:
        os._exit(ExitStatus.FAILED if self.status is None else self.status)


def daemon_timer(seconds: float, function: Callable[[], object]) -> threading.Timer:
    made = threading.Timer(seconds, function)
    made.daemon = True
    return made
