"""What a script leaves behind in the process, put aside while nanwatch ends its record."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

TRACING: list[Any] = []  # the functions that the script has left: for lines, for calls
Handler = Callable[[int, FrameType | None], Any]
FRAMES = 1000  # that nanwatch may need, whatever limit the script has set


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Room on the stack, and no Ctrl-C; the script's exit hooks and threads find all as it left it.

    A Ctrl-C that comes meanwhile is a `KeyboardInterrupt` in the first `heeding_interrupts` within.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, FRAMES))
    handler = held_back_interrupts()
    try:
        yield
    finally:
        if handler:
            signal.signal(signal.SIGINT, handler)
        with contextlib.suppress(RecursionError):
            sys.setrecursionlimit(limit)


def trace_again() -> None:
    """As the script has left it: its exit hooks come next, and may look for it."""
    if TRACING:
        sys.settrace(TRACING[0])
        sys.setprofile(TRACING[1])


HELD: list[int] = []  # the signals that came and were held back


def hold_back(signal_number: int, frame: FrameType | None) -> None:
    HELD.append(signal_number)


def held_back_interrupts() -> Handler | None:
    """Answers the script's own way with them; None where it is deaf to them, as under nohup."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        return None
    HELD.clear()
    signal.signal(signal.SIGINT, hold_back)
    return handler


@contextlib.contextmanager
def heeding_interrupts() -> Iterator[None]:
    """Within `undisturbed`: a Ctrl-C, also one that was held back, is a `KeyboardInterrupt` here."""
    if signal.getsignal(signal.SIGINT) is not hold_back:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if HELD:
            raise KeyboardInterrupt
        yield
    finally:
        signal.signal(signal.SIGINT, hold_back)
