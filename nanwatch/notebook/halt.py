"""The exception that halts a training: what is wrong, and in a notebook the lines of the user alone."""

from __future__ import annotations

import functools
import os
from types import TracebackType

from nanwatch.errors import TrainingHalted
from nanwatch.explain.halt_words import halt_words
from nanwatch.explain.reporting import report_on
from nanwatch.notebook.shell import shell_here
from nanwatch.watch import RunRecorder, is_users


def halt_of(recorder: RunRecorder, what: str) -> TrainingHalted:
    """With the cause, its line and the change in its message."""
    halt = TrainingHalted(words_of(recorder, what))
    if shell_here() is not None:
        # which IPython asks for, of the exception itself
        halt._render_traceback_ = functools.partial(traceback_lines, halt)  # type: ignore[attr-defined]
    return halt


def words_of(recorder: RunRecorder, what: str) -> str:
    try:
        return halt_words(report_on(recorder.folder), what)
    except Exception:  # the news is that the training was halted
        if os.environ.get("NANWATCH_DEBUG"):
            raise
        return f"{what}; the training was halted there. The record is in {recorder.folder}"


def traceback_lines(halt: TrainingHalted) -> list[str]:
    """As IPython's own shell shows an exception, with the frames of the user's code alone."""
    shown = users_frames(halt.__traceback__)
    lines = shell_here().InteractiveTB.structured_traceback(TrainingHalted, halt, shown, tb_offset=0)
    return [str(line) for line in lines]


def users_frames(raised: TracebackType | None) -> TracebackType | None:
    """``raised`` without the frames of packages, of Python and of nanwatch."""
    kept: list[TracebackType] = []
    while raised is not None:
        if is_users(raised.tb_frame.f_code.co_filename):
            kept.append(raised)
        raised = raised.tb_next
    found: TracebackType | None = None
    for each in reversed(kept):
        found = TracebackType(found, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return found
