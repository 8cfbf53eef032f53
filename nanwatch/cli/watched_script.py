"""``nanwatch run`` from the script's first line to the end of the process: record, report, exit status.

Nothing is imported here behind the script that could be imported before it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nanwatch import watch
from nanwatch.cli.asked_late import AskedLate
from nanwatch.cli.own_stderr import OwnStderr
from nanwatch.cli.telling import FailOn, status_of
from nanwatch.errors import NanwatchError
from nanwatch.exit_status import ExitStatus
from nanwatch.record.read import RUN_FILE
from nanwatch.watch.recording.run_recorder import WRITING

if TYPE_CHECKING:
    from nanwatch.diagnose.accepted import Choice
    from nanwatch.explain.report import Report
    from nanwatch.watch import Ending, Program, RunRecorder
    from nanwatch.watch.incident.handler import OnIncident


class Wanted(NamedTuple):
    """What the options ask for."""

    program: Program
    log_dir: Path
    snapshot_limit: int  # bytes
    on_incident: OnIncident
    prove: float  # seconds
    quiet: bool
    fail_on: FailOn
    choice: Choice
    verbose: bool = False


def run_wanted(wanted: Wanted) -> None:
    """Run the script, end its record, and the process as the script ended.

    The report is loaded before: who knows what can be imported behind the script.
    """
    if watch.is_disabled():
        ending = watch.run_program(wanted.program)
        watch.print_exit_code(ending)
        return leave(ending, ending.status)
    stderr = OwnStderr()
    load_report()
    recorder = recorder_for(wanted)
    watch.keep_own_modules()
    if isinstance(recorder, NanwatchError):
        ending = watch.run_program(wanted.program)
    else:
        ending = watch.run_under_watch(wanted.program, recorder, wanted.on_incident)
        if watch.is_anything_left():
            with watch.own_imports(), watch.undisturbed():
                watch.print_exit_code(ending)
            ending = replace(ending, code=None)
            watch.wait_as_python_does(recorder)
    with watch.own_imports(), watch.undisturbed():
        watch.print_exit_code(ending)
        status = conclude(wanted, recorder, ending, stderr)
    return leave(ending, status)


def load_report() -> None:
    """Import all that a report takes; where that fails, the report says so.

    Nothing of it is used here: it is imported while the script's own modules are not yet in the way.
    """
    with contextlib.suppress(Exception):
        from rich.cells import cell_len

        from nanwatch.cli import page_file, report_formats, screen  # noqa: F401
        from nanwatch.diagnose.rule import all_rules
        from nanwatch.explain import annotated, as_terminal, reporting  # noqa: F401

        all_rules()
        cell_len("─")  # for which it has tables


def recorder_for(wanted: Wanted) -> RunRecorder | NanwatchError:
    """What keeps the record; or why there is none, which is no reason not to run the script."""
    try:
        recorder = watch.open_recorder(wanted.log_dir, wanted.program.argv, wanted.snapshot_limit)
        recorder.keeps_trainings = wanted.prove > 0 and not recorder.is_part
        return recorder
    except NanwatchError as error:
        return error


def conclude(wanted: Wanted, recorder: RunRecorder | NanwatchError, ending: Ending, stderr: OwnStderr) -> int:
    """End the record and report on it; the exit status."""
    if isinstance(recorder, NanwatchError):
        sentence = str(recorder)
        stderr.say(f"the script was not watched: {sentence[:1].lower()}{sentence[1:]}")
        return ending.status
    watched = watch.end_record(recorder, ending)
    if not watched.is_recorded:
        return watched.exit_status
    stderr.behind_halt = recorder.halted
    if ending.interrupted:  # who stops a training does not want to wait for another
        wanted = wanted._replace(prove=0.0)
    findings = report(recorder, wanted, stderr)
    if not recorder.is_saved:
        stderr.say(f"the end of the record could not be written to {recorder.folder}{reason_of(recorder)}.")
    return watched.exit_status or findings


def reason_of(recorder: RunRecorder) -> str:
    """Why the record could not be written."""
    said = [error.message for error in recorder.info.errors if error.doing == WRITING]
    return f": {said[-1]}" if said else ""


def leave(ending: Ending, status: int) -> None:
    """End the process as the script ended."""
    if ending.interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    watch.trace_again()
    if sys.flags.inspect:  # SystemExit is shown then as any exception is
        keep_silent_once()
    if status or not sys.flags.inspect:
        sys.exit(status)


def keep_silent_once() -> None:
    """The exception that leaves the program next is not shown: it is not the script's."""
    hook = sys.excepthook

    def silent(*exception: object) -> None:
        sys.excepthook = hook

    sys.excepthook = silent


def report(recorder: RunRecorder, wanted: Wanted, stderr: OwnStderr) -> ExitStatus:
    """The report on stderr; `FINDINGS` where a finding is one to fail for.

    Whatever fails here is nanwatch's own fault and changes nothing.
    """
    folder = recorder.folder
    if not os.path.exists(folder / RUN_FILE):  # which `conclude` says
        return ExitStatus.OK
    try:
        with watch.heeding_interrupts():
            from nanwatch.explain.headline import is_unexplained_crash
            from nanwatch.explain.sentences import unexplained_crash

            found, text = render_found(recorder, wanted, stderr)
            if is_unexplained_crash(found):
                if not wanted.quiet:
                    stderr.say(unexplained_crash(found))
            elif not wanted.quiet or found.has_more_than_notes() or found.is_blind():
                stderr.write(text)
            return status_of(found, wanted.fail_on)
    except KeyboardInterrupt:
        stderr.say(f"the report was interrupted; nanwatch explain {folder} shows it.")
    except BaseException as error:  # a signal's handler of the script's own may raise what it likes
        if os.environ.get("NANWATCH_DEBUG") and isinstance(error, Exception):
            raise
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        stderr.say(f"the report could not be written: {reason}. The record is in {folder}.")
    return ExitStatus.OK


def render_found(recorder: RunRecorder, wanted: Wanted, stderr: OwnStderr) -> tuple[Report, str]:
    from nanwatch.cli.page_file import write_page_if_found
    from nanwatch.cli.report_formats import project_root, render_report
    from nanwatch.cli.screen import FILE, screen_of
    from nanwatch.explain.reporting import report_on

    # Nothing is tried where nothing of a training is held, or no time is given.
    held = (
        AskedLate(recorder, wanted.prove, stderr.say) if wanted.prove and recorder.holds_training() else None
    )
    found = report_on(recorder.folder, wanted.choice, project_root(), held)
    stream = stderr.stream()
    screen = FILE if stream is None else screen_of(stream)
    return found, render_report(found, "terminal", screen, wanted.verbose, write_page_if_found(found))
