"""``nanwatch run``: the script, with a recorder."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nanwatch.cli.python_like import PythonLike
from nanwatch.cli.settings import setting
from nanwatch.cli.telling import NEVER, FailOn, choice_of, choice_options, fail_on_option, status_of
from nanwatch.exit_status import ExitStatus

if TYPE_CHECKING:
    from nanwatch.diagnose.accepted import Choice
    from nanwatch.explain.reporting import TryRemedies
    from nanwatch.watch.launch.script import Ending
    from nanwatch.watch.recording.run_recorder import RunRecorder


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
    on_incident: str,
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
    from nanwatch.watch.launch import script as scripts

    name, args = find_script(module, script_and_args, "run")
    choice = choice_of(select, ignore, baseline)
    recorder = None if is_disabled() else witness_for(log_dir, name, args, on_incident, snapshot_limit)
    if module is not None:
        ending = scripts.run_module(module, args)
    else:
        ending = scripts.run_script(name, args)
    leave(ending, recorder, quiet, choice, fail_on)


def find_script(module: str | None, given: tuple[str, ...], command: str) -> tuple[str, list[str]]:
    """The script or module, and its own arguments."""
    from nanwatch.watch.launch.script import check_script

    if module is not None:
        return module, list(given)
    if not given:
        raise click.UsageError(f"Give the training script, as in `nanwatch {command} train.py`.")
    check_script(given[0])
    return given[0], list(given[1:])


def is_disabled() -> bool:
    return os.environ.get("NANWATCH_DISABLE", "") not in ("", "0")


def witness_for(
    log_dir: Path, name: str, args: list[str], on_incident: str, snapshot_limit: int
) -> RunRecorder:
    """The run's folder, made now; Keras will be met when the script imports it."""
    from nanwatch.watch.import_hook import install_hook

    recorder = new_witness(log_dir, name, args, snapshot_limit)
    install_hook(recorder, on_incident)
    return recorder


def new_witness(log_dir: Path, name: str, args: list[str], snapshot_limit: int) -> RunRecorder:
    """A recorder with a run folder below ``log_dir``."""
    from nanwatch.errors import NanwatchError
    from nanwatch.watch.recording.run_recorder import RunRecorder

    try:
        return RunRecorder(Path(os.path.abspath(log_dir)), name, (name, *args), snapshot_limit * 2**20)
    except OSError as error:
        raise NanwatchError(
            f"No run folder could be made in {log_dir}: {error.strerror}; give another one with --log-dir."
        ) from error


def leave(ending: Ending, recorder: RunRecorder | None, quiet: bool, choice: Choice, fail_on: FailOn) -> None:
    """Finish the record, write the report, and end as the script did."""
    if ending.code is not None and not isinstance(ending.code, int):
        print(ending.code, file=sys.stderr)
    status = ending.status
    if recorder is not None and recorder.ours:
        if status == 0 and recorder.halted:
            status = ExitStatus.HALTED
        with contextlib.suppress(Exception):  # a closed or missing stdout is for Python to speak of
            sys.stdout.flush()
        recorder.end(status_word(ending, recorder), status)
        findings = report(recorder, quiet, choice, fail_on)
        status = status or findings
    if ending.interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    sys.exit(status)


def status_word(ending: Ending, recorder: RunRecorder) -> Any:
    if ending.halted or recorder.halted:
        return "halted"
    if ending.interrupted:
        return "killed"
    return "crashed" if ending.error is not None else "finished"


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
