"""``%load_ext nanwatch``: every training of the kernel is watched, each cell's as one run.

A run is a cell's, and not the kernel's: its report is due when the cell has ended, a script's first incident
is the one that counts, and what a user has changed since stands in another cell or in the same one run anew.
It is not one fit's either: the folds of a cross-validation, or a loop of the user's own, are one experiment.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanwatch.cli.screen import show
from nanwatch.line_notes import note_lines_from_now
from nanwatch.notebook.telling import CELL_ENDS, Telling, wait_for
from nanwatch.record.run_state import INTERRUPTED
from nanwatch.watch import RunRecorder, install_hook, is_disabled
from nanwatch.watch.recording.child_process import script_of_process

CELL_BEGINS = "pre_run_cell"  # IPython's name of it
MAGIC = "nanwatch"
LOGS = Path("logs")  # below the folder that the kernel works in, as `nanwatch run` has it
HELP = "%nanwatch on and %nanwatch off turn it on and off; %nanwatch shows the last report again."


@dataclass
class Extension:
    """Of one kernel."""

    telling: Telling
    shell: Any = None
    is_on: bool = False
    recorder: RunRecorder | None = None  # of the cell that runs

    def load(self, shell: Any) -> None:
        self.shell = shell
        shell.register_magic_function(self.magic, "line", MAGIC)
        self.turn_on()

    def unload(self, shell: Any) -> None:
        self.turn_off()
        shell.magics_manager.magics["line"].pop(MAGIC, None)

    def magic(self, line: str) -> object:
        """``%nanwatch on``, ``%nanwatch off``; alone it shows the last report again."""
        wanted = line.strip()
        if wanted == "on":
            self.turn_on()
        elif wanted == "off":
            self.turn_off()
        elif wanted:
            show(f"nanwatch: {HELP}\n", sys.stderr)
        else:
            return self.telling.last_report()
        return None

    def turn_on(self) -> None:
        """Watch from here on, in the cell that says so too."""
        if self.is_on or is_disabled():
            return
        self.is_on = True
        wait_for(self.shell, CELL_BEGINS, self.begin_cell)
        # Before the report is shown, whose own callback comes behind it.
        if self.telling.end_cell in self.shell.events.callbacks[CELL_ENDS]:
            self.shell.events.unregister(CELL_ENDS, self.telling.end_cell)
        wait_for(self.shell, CELL_ENDS, self.end_cell)
        wait_for(self.shell, CELL_ENDS, self.telling.end_cell)
        self.begin_cell()

    def turn_off(self) -> None:
        """Watch no more; what the cell has trained until now is told of."""
        if not self.is_on:
            return
        self.is_on = False
        self.end_cell()
        self.shell.events.unregister(CELL_BEGINS, self.begin_cell)
        self.shell.events.unregister(CELL_ENDS, self.end_cell)

    def begin_cell(self, info: object = None) -> None:
        """A cell is about to run. There is no folder before it trains something."""
        if self.recorder is not None:  # a cell within a cell
            return
        recorder = RunRecorder(LOGS.absolute(), *script_of_process(), is_late=True)
        recorder.keeps_trainings = True
        recorder.told = self.telling
        self.recorder = recorder
        with recorder.catch_errors("taking Keras's seams"):
            install_hook(recorder, "raise", is_begun=True)

    def end_cell(self, result: object = None) -> None:
        """The run of the cell, if there is one, ends with it."""
        recorder, self.recorder = self.recorder, None
        if recorder is None:
            return
        error = getattr(result, "error_in_exec", None)
        if recorder.halted:
            recorder.end("halted", None)
        elif isinstance(error, KeyboardInterrupt):
            recorder.end("killed", INTERRUPTED)
        else:
            recorder.end("finished" if error is None else "crashed", None)
        note_lines_from_now()
