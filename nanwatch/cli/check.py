"""``nanwatch check``: a few steps of every training, for a build server."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nanwatch.cli.completion import complete_script
from nanwatch.cli.python_like import PythonLike
from nanwatch.cli.report_formats import FormatRequest, format_option, project_root, write_reports
from nanwatch.cli.run import find_program
from nanwatch.cli.settings import keras_option, setting
from nanwatch.cli.telling import FailOn, choice_of, choice_options, fail_on_option, status_of, verbose_option
from nanwatch.exit_status import ExitStatus

if TYPE_CHECKING:
    from nanwatch.diagnose.accepted import Choice


@click.command(
    cls=PythonLike, context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False}
)
@setting(
    "--max-steps",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of batches for each training.",
)
@setting(
    "--deadline",
    default=120.0,
    show_default=True,
    type=click.FloatRange(min=5),
    metavar="SECONDS",
    help="The check ends after this time, whatever the script does.",
)
@keras_option
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
    help="Each run gets its own folder below this folder.",
)
@format_option
@verbose_option
@click.option("-m", "module", metavar="MODULE", help="Check a module, as `python -m` runs it.")
@click.argument(
    "script_and_args",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[SCRIPT] [ARGS]...",
    shell_complete=complete_script,
)
def check(
    max_steps: int,
    deadline: float,
    keras: str,
    fail_on: FailOn,
    select: str | None,
    ignore: str | None,
    baseline: Path | None,
    write_baseline: Path | None,
    log_dir: Path,
    formats: tuple[FormatRequest, ...],
    verbose: bool,
    module: str | None,
    script_and_args: tuple[str, ...],
) -> None:
    """Train a few steps of SCRIPT, and say whether this training can work.

    Every fit trains --max-steps batches and one batch of validation; then the script goes on. Your
    own training loop ends after the same number of steps, and the script with it. Models that the
    script saves go to another place, and callbacks that write files do not run. The output of the
    script goes to stderr, the report goes to stdout.

    A comment on its line leaves a finding out: # nanwatch: ignore[NW203] reason

    \b
    Exit status
      0   no finding at or above --fail-on
      2   wrong usage, or nothing was checked: no training, or none before the deadline
      3   findings
      any other: the script itself failed
    """
    from nanwatch.check.run_check import run_check
    from nanwatch.watch import is_disabled, keep_own_modules

    program = find_program(module, script_and_args, click.get_current_context().command, keras)
    if is_disabled():
        print("nanwatch: NANWATCH_DISABLE is set: nothing was checked.", file=sys.stderr)
        return
    choice = choice_of(select, ignore, baseline if baseline != write_baseline else None)
    report = CheckReport(formats, verbose, fail_on, choice, write_baseline)
    keep_own_modules()
    sys.exit(run_check(program, log_dir, max_steps, deadline, report))


@dataclass(frozen=True)
class CheckReport:
    """What is to be reported of a check, and what the exit status depends on."""

    formats: Sequence[FormatRequest]
    verbose: bool
    fail_on: FailOn
    choice: Choice
    write_baseline: Path | None

    def __call__(self, folder: Path, own_status: int) -> int:
        """Write the reports on the run in ``folder``; the exit status of the check."""
        from nanwatch.watch import own_imports

        with own_imports():
            return self.report(folder, own_status)

    def report(self, folder: Path, own_status: int) -> int:
        from nanwatch.cli.page_file import write_page_if_found
        from nanwatch.explain.reporting import accept_findings, report_on
        from nanwatch.explain.sentences import nothing_checked

        report = report_on(folder, self.choice, project_root())
        if self.write_baseline is not None:
            report = accept_findings(report, self.write_baseline)
        write_reports(report, self.formats, self.verbose, write_page_if_found(report))
        status = own_status or status_of(report, self.fail_on)
        if not own_status and status != ExitStatus.FINDINGS and not report.steps():
            print(f"nanwatch: {nothing_checked(report, child_seconds())}", file=sys.stderr)
            return ExitStatus.FAILED
        return status


def child_seconds() -> float:
    """CPU time of the child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system
