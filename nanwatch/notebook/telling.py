"""Tells of the trainings of this process: in a notebook when their cell ends, in a plain console at once."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanwatch.cli.screen import screen_of, show
from nanwatch.errors import RunNotFound, TrainingHalted
from nanwatch.explain.reporting import report_on
from nanwatch.notebook.halt import halt_of
from nanwatch.notebook.shell import display, shell_here
from nanwatch.notebook.shown import ShownReport
from nanwatch.notebook.trials import let_go, report_with_trials
from nanwatch.record.run_state import INTERRUPTED
from nanwatch.watch import RunRecorder

CELL_ENDS = "post_run_cell"  # IPython's name of it


@dataclass
class Telling:
    """Of one process; what a recorder tells of its run (`Told`)."""

    begun: list[RunRecorder] = field(default_factory=list)  # by hand, and not ended yet
    ended: list[RunRecorder] = field(default_factory=list)  # in the cell that runs, and not told of yet
    last: Path | None = None  # the folder of the run that ended last

    def of_begin(self, recorder: RunRecorder) -> None:
        shell = shell_here()
        if shell is None:
            return
        recorder.keeps_trainings = True  # when the cell has ended there is time for trials
        self.begun.append(recorder)
        wait_for(shell, CELL_ENDS, self.end_cell)

    def of_end(self, recorder: RunRecorder) -> None:
        self.begun[:] = [other for other in self.begun if other is not recorder]
        self.last = recorder.folder
        shell = shell_here()
        if shell is None:
            self.tell_console(recorder)
            return
        wait_for(shell, CELL_ENDS, self.end_cell)
        for other in self.ended:  # of all the trainings of a cell one model is held for trials
            let_go(recorder if other.halted and not recorder.halted else other)
        self.ended.append(recorder)

    def of_halt(self, recorder: RunRecorder, what: str) -> TrainingHalted:
        return halt_of(recorder, what)

    def tell_console(self, recorder: RunRecorder) -> None:
        report = report_with_trials(recorder, seconds=0.0)
        show(ShownReport(report).text(screen_of(sys.stderr)), sys.stderr)

    def end_cell(self, result: object = None) -> None:
        """A cell has ended: end what an exception has left open in it, and show what came of all."""
        error = getattr(result, "error_in_exec", None)
        for recorder in list(self.begun):
            if isinstance(error, KeyboardInterrupt):
                recorder.end("killed", INTERRUPTED)
            elif error is not None:
                recorder.end("crashed", None)
        ended, self.ended = self.ended, []
        for recorder in ended:
            tell_cell(recorder, is_stopped=isinstance(error, KeyboardInterrupt))

    def last_report(self) -> ShownReport:
        if self.last is None:
            raise RunNotFound(
                "No training has been watched in this process yet: `%load_ext nanwatch` watches all that "
                "follow in a notebook, and callbacks=[nanwatch.Watch()] watches one."
            )
        return ShownReport(report_on(self.last))


def wait_for(shell: Any, event: str, callback: object) -> None:
    """Have IPython call ``callback``, once at each ``event``."""
    if callback not in shell.events.callbacks[event]:
        shell.events.register(event, callback)


def tell_cell(recorder: RunRecorder, is_stopped: bool) -> None:
    """Show the report; where it fails, that is nanwatch's own fault, and is told in a line.

    ``is_stopped``: who stops a training does not want to wait for another.
    """
    try:
        try:
            report = report_with_trials(recorder, seconds=0.0) if is_stopped else report_with_trials(recorder)
        except KeyboardInterrupt:
            report = report_with_trials(recorder, seconds=0.0)
        display(ShownReport(report))
    except Exception as error:
        if os.environ.get("NANWATCH_DEBUG"):
            raise
        said = f"{type(error).__name__}: {error}".rstrip(".")
        text = f"nanwatch: the report could not be made: {said}. The record is in {recorder.folder}.\n"
        show(text, sys.stderr)
