"""Runs a script or a module as ``python`` would: status, output, traceback, ``__main__``."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from types import TracebackType

from nanwatch.errors import TrainingHalted
from nanwatch.exit_status import ExitStatus
from nanwatch.record.facts import Status
from nanwatch.watch.launch.after_script import TRACING
from nanwatch.watch.launch.keras_2 import give_keras_2
from nanwatch.watch.launch.starting import Program, start_of
from nanwatch.watch.launch.user_lines import OWN


@dataclass(frozen=True)
class Ending:
    """How the script ended. ``code`` is what SystemExit carried; ``error`` what was not caught."""

    status: int
    code: object = None
    error: BaseException | None = None
    halted: bool = False
    interrupted: bool = False

    def status_word(self, halted: bool, exit_status: int) -> Status:
        """What the record says of the run, of which a training was ``halted`` or not."""
        if self.halted or halted:
            return "halted"
        if self.interrupted:
            return "killed"
        return "crashed" if self.error is not None and exit_status else "finished"


def run_program(program: Program, catch: tuple[type[BaseException], ...] = ()) -> Ending:
    """Run ``program`` as ``python`` would, and answer how it ended, with its traceback printed.

    An exception of a kind in ``catch`` ends it quietly. The script runs on this very frame: each beneath
    it is one that ``python`` does not have.
    """
    try:
        if program.keras_2:
            give_keras_2()
        start = start_of(program)
        try:
            start()
        finally:  # at once, and without a call that a trace function would be told of
            TRACING[:] = sys.gettrace(), sys.getprofile()
            sys.setprofile(None)
            sys.settrace(None)
    except catch as left:
        return Ending(0, error=left)
    except SystemExit as exit_:
        return exit_by(exit_)
    except TrainingHalted as halt:
        return Ending(ExitStatus.HALTED, error=halt, halted=True)
    except KeyboardInterrupt as interrupt:
        return print_as_python(interrupt) or Ending(ExitStatus.INTERRUPTED, error=interrupt, interrupted=True)
    except BaseException as error:
        return print_as_python(error) or Ending(1, error=error)
    return Ending(0)


def exit_by(exit_: SystemExit) -> Ending:
    """``python -i`` does not end by it, but shows it as any exception."""
    if not sys.flags.inspect:
        return Ending(status_of(exit_.code), exit_.code)
    print_as_python(exit_)
    return Ending(1)


def status_of(code: object) -> int:
    if code is None:
        return 0
    if not isinstance(code, int):
        return 1
    return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF  # what overflows a C long counts as -1


def print_exit_code(ending: Ending) -> None:
    """What SystemExit carried, on stderr, where it is not a number; as Python does behind the script."""
    if ending.code is None or isinstance(ending.code, int):
        return
    with contextlib.suppress(Exception):  # a closed or full stderr
        if sys.stderr is not None:
            sys.stderr.write(f"{ending.code}\n")
        else:
            os.write(2, f"{ending.code}\n".encode(errors="backslashreplace"))


def print_as_python(error: BaseException) -> Ending | None:
    """The traceback on stderr, through ``sys.excepthook``, with no frame of nanwatch's in it.

    Answers how the hook has ended the script, where it did.
    """
    clean_traceback(error, set())
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    hook = getattr(sys, "excepthook", None)
    if hook is None:
        print_plain("sys.excepthook is missing\n", error)
        return None
    try:
        hook(type(error), error, error.__traceback__)
    except SystemExit as exit_:
        return exit_by(exit_)
    except BaseException as second:  # as Python itself says it
        if second.__context__ is error:  # Python's own call of the hook has no such context
            second.__context__ = None
        clean_traceback(second, set())
        print_plain("Error in sys.excepthook:\n", second)
        print_plain("\nOriginal exception was:\n", error)
    return None


def print_plain(title: str, error: BaseException) -> None:
    """``title`` and the traceback, where stderr takes them."""
    with contextlib.suppress(Exception):
        sys.stderr.write(title)
    sys.__excepthook__(type(error), error, error.__traceback__)


def clean_traceback(error: BaseException, done: set[int]) -> None:
    """Take nanwatch's frames out of the traceback of ``error`` and of what it came from."""
    if id(error) in done:
        return
    done.add(id(error))
    error.__traceback__ = without_own(error.__traceback__)
    for other in (error.__cause__, error.__context__):
        if other is not None:
            clean_traceback(other, done)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            clean_traceback(inner, done)


def without_own(traceback: TracebackType | None) -> TracebackType | None:
    kept = []
    while traceback is not None:
        if not os.path.abspath(traceback.tb_frame.f_code.co_filename).startswith(OWN):
            kept.append(traceback)
        traceback = traceback.tb_next
    result: TracebackType | None = None
    for entry in reversed(kept):
        result = TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result
