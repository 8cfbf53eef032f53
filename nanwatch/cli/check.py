"""``nanwatch check``: a few steps of every training, for a build server."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nanwatch.cli.check_streams import script_on_stderr
from nanwatch.cli.python_like import PythonLike
from nanwatch.cli.report_formats import FormatRequest, format_option, project_root, write_reports
from nanwatch.cli.run import find_script, is_disabled, new_witness
from nanwatch.cli.settings import setting
from nanwatch.cli.telling import FailOn, choice_of, choice_options, fail_on_option, status_of
from nanwatch.exit_status import ExitStatus

if TYPE_CHECKING:
    from nanwatch.check.budget import CheckBudget
    from nanwatch.diagnose.accepted import Choice
    from nanwatch.explain.report import Report
    from nanwatch.record.facts import Status
    from nanwatch.watch.launch.script import Ending

SNAPSHOT_MB = 512
# Faults that a program has however long it trained. Any other exception behind a training that was
# cut short may come of the cut: a plot of 50 epochs, an accuracy that is asserted.
OWN_FAULTS = (AttributeError, ImportError, KeyError, NameError, SyntaxError, TypeError)


@click.command(
    cls=PythonLike, context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False}
)
@setting(
    "--max-steps",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="Batches that each training may take.",
)
@setting(
    "--deadline",
    default=120.0,
    show_default=True,
    type=click.FloatRange(min=5),
    metavar="SECONDS",
    help="Seconds after which the check has ended, whatever the script does.",
)
@fail_on_option("error")
@choice_options
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the findings to this file, and accept them.",
)
@setting(
    "--log-dir",
    default="logs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder below which the run gets a folder of its own.",
)
@format_option
@click.option("-m", "module", metavar="MODULE", help="Check a module, as `python -m` runs it.")
@click.argument("script_and_args", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGS]...")
def check(
    max_steps: int,
    deadline: float,
    fail_on: FailOn,
    select: str | None,
    ignore: str | None,
    baseline: Path | None,
    write_baseline: Path | None,
    log_dir: Path,
    formats: tuple[FormatRequest, ...],
    module: str | None,
    script_and_args: tuple[str, ...],
) -> None:
    """Train a few steps of SCRIPT, and say whether this training can work.

    Every fit trains --max-steps batches and sees one batch of validation; then the script goes
    on. A loop of the script's own is ended after as many steps, and the script with it. Models
    that the script saves go elsewhere, and callbacks that write files are held back. What the
    script prints goes to stderr; stdout has the report.

    A finding is left out by a comment on its line: # nanwatch: ignore[NW203] reason

    \b
    Exit status
      0   nothing at or above --fail-on
      2   wrong usage, or nothing was checked: no training, or none before the deadline
      3   findings
      any other: the script failed by itself
    """
    name, args = find_script(module, script_and_args, "check")
    if is_disabled():
        print("nanwatch: NANWATCH_DISABLE is set: nothing was checked.", file=sys.stderr)
        return
    choice = choice_of(select, ignore, baseline if baseline != write_baseline else None)
    job = Job(formats, fail_on, choice, write_baseline)
    sys.exit(run_check(name, args, module is not None, max_steps, deadline, log_dir, job))


class Job:
    """What is to be reported of a check, and what the exit status depends on."""

    def __init__(
        self, formats: Sequence[FormatRequest], fail_on: FailOn, choice: Choice, write_baseline: Path | None
    ) -> None:
        self.formats = formats
        self.fail_on = fail_on
        self.choice = choice
        self.write_baseline = write_baseline

    def report(self, folder: Path) -> Report:
        """The report on the run in ``folder``, less what is left out."""
        from nanwatch.explain.reporting import accept_findings, report_on

        report = report_on(folder, self.choice, project_root())
        return report if self.write_baseline is None else accept_findings(report, self.write_baseline)

    def finish(self, folder: Path, own_status: int) -> int:
        """Write the reports; the exit status of the check."""
        report = self.report(folder)
        write_reports(report, self.formats)
        status = own_status or status_of(report, self.fail_on)
        if status == ExitStatus.OK and not (report.run.fits and report.steps()):
            print(f"nanwatch: {nothing_checked(report)}", file=sys.stderr)
            return ExitStatus.FAILED
        return status


def nothing_checked(report: Report) -> str:
    info = report.run.info
    if any("deadline" in text for text in info.held_back):
        return "The deadline came before the first step was trained: nothing was checked; raise --deadline."
    return f"{report.path(info.script)} trained no Keras model: nothing was checked."


def run_check(
    name: str, args: list[str], is_module: bool, max_steps: int, deadline: float, log_dir: Path, job: Job
) -> int:
    """Run the script, cut short; report; the exit status."""
    from nanwatch.check.budget import CheckBudget
    from nanwatch.check.deadline import Deadline
    from nanwatch.watch.import_hook import install_hook
    from nanwatch.watch.launch import script as scripts

    recorder = new_witness(log_dir, name, args, SNAPSHOT_MB)
    short = CheckBudget(recorder, max_steps)

    def meet_keras(keras: Any) -> None:
        from nanwatch.check.seams import shorten  # imports Keras, which only the script may do

        shorten(keras, short)

    install_hook(recorder, "raise", meet_keras)
    os.environ.setdefault("MPLBACKEND", "Agg")  # plt.show() would wait for a window to be closed
    with script_on_stderr() as streams:

        def report_from_outside() -> int:
            short.close("finished", 0)
            streams.give_back()
            return job.finish(recorder.folder, 0)

        limit = Deadline(deadline, short, report_from_outside)
        limit.start()
        ending = scripts.run_module(name, args) if is_module else scripts.run_script(name, args)
        if not limit.script_ended():
            limit.outside.join()
        if not recorder.ours:  # a forked child that came to the end of the script
            sys.exit(ending.status)
        status = own_status(ending, short)
        short.close(status_word(ending, short, status), status)
    limit.status = job.finish(recorder.folder, status)
    return limit.status


def own_status(ending: Ending, short: CheckBudget) -> int:
    """The status that the script ended with by itself; 0 where the check or an incident ended it."""
    if short.ended is not None or ending.halted or short.recorder.halted:
        return 0
    error = ending.error
    if not short.cut or error is None or ending.interrupted or comes_of(error, short.failed):
        return say_code(ending)
    if isinstance(error, OWN_FAULTS):
        return ending.status
    short.hold_back(
        f"the end of the script: it failed with {type(error).__name__} behind a training that was "
        "cut short, which may come of that and does not count"
    )
    return 0


def say_code(ending: Ending) -> int:
    if ending.code is not None and not isinstance(ending.code, int):
        print(ending.code, file=sys.stderr)
    return ending.status


def comes_of(error: BaseException | None, failed: BaseException | None) -> bool:
    """Whether ``error`` is the exception that left a training, or was raised because of it."""
    while error is not None:
        if error is failed:
            return True
        error = error.__cause__ or error.__context__
    return False


def status_word(ending: Ending, short: CheckBudget, status: int) -> Status:
    if ending.halted or short.recorder.halted:
        return "halted"
    if ending.interrupted:
        return "killed"
    return "crashed" if ending.error is not None and status else "finished"
