"""A script run under watch, from its first line to the end of its record."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from nanwatch.errors import NanwatchError, TrainingHalted
from nanwatch.exit_status import ExitStatus
from nanwatch.record.parts import parts_of
from nanwatch.record.read import read_info
from nanwatch.watch.import_hook import install_hook
from nanwatch.watch.keras_seam.seams import Taker, take
from nanwatch.watch.launch.in_children.nanwatch_in_child import Hand, Handed
from nanwatch.watch.launch.keras_2 import give_keras_2
from nanwatch.watch.launch.script import Ending, clean_traceback, run_program
from nanwatch.watch.launch.script_error import script_error
from nanwatch.watch.launch.starting import Program
from nanwatch.watch.launch.user_lines import Sender
from nanwatch.watch.recording.child_process import follow_forks, script_of_part, script_of_process
from nanwatch.watch.recording.run_recorder import RunRecorder

if TYPE_CHECKING:
    from nanwatch.watch.incident.handler import OnIncident  # which imports TensorFlow

ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


@dataclass(frozen=True)
class WatchedRun:
    """A script that has come to its end under watch."""

    ending: Ending
    exit_status: int  # the script's own; `HALTED` where that is 0 and a training was halted
    is_recorded: bool  # False in a forked child that came to the end of the script: its parent records


def run_under_watch(program: Program, recorder: RunRecorder, on_incident: OnIncident) -> Ending:
    """Run ``program`` as ``python`` would, with every training in it watched; `end_record` comes next."""
    recorder.info = replace(recorder.info, keras_2=program.keras_2)
    install_hook(recorder, on_incident)
    watch_children(recorder, on_incident)
    return run_program(program)


def watch_children(recorder: RunRecorder, on_incident: OnIncident) -> None:
    """Have what the script starts, by whatever means, write parts of the run."""
    follow_forks(recorder)
    with recorder.catch_errors("handing on to child processes"):
        handed = Handed(on_incident, recorder.snapshot_limit, sys.prefix, str(recorder.run_folder))
        take(recorder.patches, Taker.CHILDREN, {"os.execve": handing_on(handed)})


@contextlib.contextmanager
def handing_on(handed: Handed) -> Iterator[None]:
    """While the block lasts, each process that is started here is given what it needs to be watched."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not hasattr(finder, "waits_for_nanwatch")]
    hand = Hand(handed)
    hand.take()
    try:
        yield
    finally:
        hand.give_back()


def watch_child(folder: str, on_incident: OnIncident, snapshot_limit: int) -> None:
    """In a child process of a script under watch, which is about to import Keras."""
    recorder = RunRecorder(Path(folder), *script_of_process(), snapshot_limit, is_part=True)
    if os.environ.get("NANWATCH_KERAS") == "2":
        give_keras_2()
    Sender.script = script_of_part(Path(folder))[0]
    install_hook(recorder, on_incident)
    follow_forks(recorder)
    sys.excepthook = without_own_frames(sys.excepthook)


def without_own_frames(hook: ExceptHook) -> ExceptHook:
    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        with contextlib.suppress(Exception):
            clean_traceback(error, set())
        hook(kind, error, error.__traceback__)

    return show


def end_record(recorder: RunRecorder, ending: Ending) -> WatchedRun:
    """The script has ended: its record is finished, come what may."""
    if recorder.is_part:
        with contextlib.suppress(BaseException):
            recorder.end_part()
    if not recorder.ours or recorder.is_part:
        return WatchedRun(ending, ending.status, is_recorded=False)
    status = ending.status
    recorder.halted |= is_a_child_halted(recorder)
    if status == ExitStatus.OK and recorder.halted:
        status = ExitStatus.HALTED
    word = ending.status_word(recorder.halted, status)
    raised = script_error(ending.error) if word == "crashed" else None
    recorder.info = replace(recorder.info, halt_caught=is_halt_caught(recorder, ending), raised=raised)
    with contextlib.suppress(Exception):  # a closed or missing stdout is for Python to speak of
        sys.stdout.flush()
    try:
        recorder.end(word, status)
    except BaseException as error:  # a signal's handler of the script's own may raise what it likes
        recorder.note_error(error, "ending the record")
    return WatchedRun(ending, status, is_recorded=True)


def is_a_child_halted(recorder: RunRecorder) -> bool:
    """Whether a training was halted in a child process, whatever the script has made of that."""
    for part in parts_of(recorder.folder):
        with contextlib.suppress(NanwatchError):
            incident = read_info(part).incident
            if incident is not None and incident.action != "continue":
                return True
    return False


def is_halt_caught(recorder: RunRecorder, ending: Ending) -> bool:
    """Whether a fit was left by `TrainingHalted`, and the script was not."""
    incident = recorder.info.incident
    raised = recorder.halted and incident is not None and incident.action == "raise"
    return raised and not any(isinstance(error, TrainingHalted) for error in with_origins(ending.error))


def with_origins(error: BaseException | None) -> Iterator[BaseException]:
    """``error``, and the exceptions while which it was raised."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
