"""``nanwatch run``: the script, with a recorder."""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from nanwatch.cli.python_like import PythonLike
from nanwatch.cli.settings import setting
from nanwatch.cli.telling import NEVER, FailOn, choice_of, choice_options, fail_on_option, status_of
from nanwatch.exit_status import ExitStatus

if TYPE_CHECKING:
    from nanwatch.diagnose.accepted import Choice
    from nanwatch.explain.reporting import TryRemedies
    from nanwatch.watch import Ending, Program, RunRecorder
    from nanwatch.watch.incident.handler import OnIncident


@click.command(
    cls=PythonLike, context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False}
)
@setting(
    "--log-dir",
    default="logs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder below which the run gets a folder of its own.",
)
@setting(
    "--on-incident",
    default="raise",
    show_default=True,
    type=click.Choice(["raise", "stop", "continue"]),
    help="At the first non-finite step: leave fit at once, let fit end, or only record.",
)
@setting(
    "--snapshot-limit",
    default=512,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="MB",
    help="Megabytes that the snapshot of a bad step may take.",
)
@setting("--quiet", is_flag=True, help="Write no report at the end unless something was found.")
@fail_on_option(NEVER)
@choice_options
@click.option("-m", "module", metavar="MODULE", help="Run a module, as `python -m` does.")
@click.argument("script_and_args", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGS]...")
def run(
    log_dir: Path,
    on_incident: OnIncident,
    snapshot_limit: int,
    quiet: bool,
    fail_on: FailOn,
    select: str | None,
    ignore: str | None,
    baseline: Path | None,
    module: str | None,
    script_and_args: tuple[str, ...],
) -> None:
    """Run SCRIPT as `python SCRIPT ARGS...` would, and watch every training in it.

    The script keeps its arguments, output and exit status. When a loss, a gradient or a weight
    becomes NaN or infinite the training is halted before the update is applied, and the exit
    status is 3. The report goes to stderr.
    """
    from nanwatch import watch

    program = find_program(module, script_and_args, "run")
    choice = choice_of(select, ignore, baseline)
    if watch.is_disabled():
        ending = watch.run_program(program)
        watch.print_exit_code(ending)
        leave(ending, ending.status)
    recorder = watch.open_recorder(log_dir, program.argv, snapshot_limit * 2**20)
    watched = watch.run_under_watch(program, recorder, on_incident)
    findings = report(recorder, quiet, choice, fail_on) if watched.is_recorded else ExitStatus.OK
    leave(watched.ending, watched.exit_status or findings)


def find_program(module: str | None, given: tuple[str, ...], command: str) -> Program:
    """The script or module, and its own arguments."""
    from nanwatch.watch import Program, check_script

    if module is not None:
        return Program(module, given, is_module=True)
    if not given:
        raise click.UsageError(f"Give the training script, as in `nanwatch {command} train.py`.")
    check_script(given[0])
    return Program(given[0], given[1:])


def leave(ending: Ending, status: int) -> NoReturn:
    """End the process as the script ended."""
    if ending.interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    sys.exit(status)


def report(recorder: RunRecorder, quiet: bool, choice: Choice, fail_on: FailOn) -> ExitStatus:
    """The report on stderr; `FINDINGS` where a finding is one to fail for.

    Whatever fails here is nanwatch's own fault and changes nothing.
    """
    from nanwatch.cli.report_formats import project_root, render_report
    from nanwatch.cli.screen import screen_of, show
    from nanwatch.explain.reporting import report_on

    try:
        found = report_on(recorder.folder, choice, project_root(), remedy_trier(recorder))
        if not quiet or found.has_more_than_notes():
            show(render_report(found, "terminal", screen_of(sys.stderr)), sys.stderr)
        return status_of(found, fail_on)
    except Exception as error:
        if os.environ.get("NANWATCH_DEBUG"):
            raise
        print(
            f"nanwatch: the report could not be written: {type(error).__name__}: {error}. The record is "
            f"in {recorder.folder}.",
            file=sys.stderr,
        )
        return ExitStatus.OK


def remedy_trier(recorder: RunRecorder) -> TryRemedies | None:
    """What tries remedies on the model that the run left frozen; None where it left none."""
    if recorder.frozen is None:
        return None
    from nanwatch.replay.trial import try_on_frozen

    return functools.partial(try_on_frozen, recorder)
