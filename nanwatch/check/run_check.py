"""A check from its beginning to its exit status: the script cut short, its record ended, the report made."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from nanwatch.check.budget import CheckBudget
from nanwatch.check.deadline import Deadline
from nanwatch.check.output_streams import script_on_stderr
from nanwatch.check.own_status import own_status
from nanwatch.watch import Program, install_hook, open_recorder, run_program
from nanwatch.watch.launch.script_error import script_error

ReportCheck = Callable[[Path, int], int]


def run_check(program: Program, log_dir: Path, max_steps: int, deadline: float, report: ReportCheck) -> int:
    """Run ``program`` with every training cut to ``max_steps``; the exit status of the check.

    ``report`` is given the run's folder and the status that the script ended with by itself; it writes
    the report, and answers the exit status. Where the script does not come back, it is called from
    another thread, and the process ended behind it after ``deadline`` seconds at the latest.
    """
    recorder = open_recorder(log_dir, program.argv)
    recorder.info = replace(recorder.info, keras_2=program.keras_2)
    budget = CheckBudget(recorder, max_steps)

    def meet_keras(keras: ModuleType) -> None:
        from nanwatch.check.seams import shorten  # imports Keras, which only the script may do

        shorten(budget)

    install_hook(recorder, "raise", meet_keras)
    os.environ.setdefault("MPLBACKEND", "Agg")  # plt.show() would wait for a window to be closed
    with script_on_stderr() as streams:

        def report_from_outside() -> int:
            budget.close("finished", 0)
            streams.give_back()
            return report(recorder.folder, 0)

        limit = Deadline(deadline, budget, report_from_outside)
        limit.start()
        ending = run_program(program)
        if not limit.script_ended():
            limit.outside.join()
        if not recorder.ours:  # a forked child that came to the end of the script
            return ending.status
        status = own_status(ending, budget)
        word = ending.status_word(recorder.halted, status)
        if word == "crashed":
            recorder.info = replace(recorder.info, raised=script_error(ending.error))
        budget.close(word, status)
    limit.status = report(recorder.folder, status)
    return limit.status
