"""What a command does outside of click, whose frames would stand beneath a script's."""

from __future__ import annotations

from collections.abc import Callable


class Handover(BaseException):
    """Leaves click with ``work``, which is then done on the frame of the command line's first function."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
