"""Runs the script again up to the same training, and has the frozen step made there from its snapshot."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nanwatch.record.facts import FitInfo, IncidentInfo, RunInfo
from nanwatch.record.notes import LeftOutOfSnapshot
from nanwatch.record.secrets import arguments_again
from nanwatch.replay.moment import Moment
from nanwatch.replay.script_again import Ask, CannotReplay, script_again
from nanwatch.watch.import_hook import install_hook
from nanwatch.watch.incident.snapshot_file import NEEDED, SNAPSHOT_FILE, holds_step, load
from nanwatch.watch.keras_seam.keras_types import Array
from nanwatch.watch.launch import script as scripts
from nanwatch.watch.launch.starting import Program
from nanwatch.watch.recording.run_recorder import OpenFit, RunRecorder


class Reached(BaseException):
    """Leaves the script once the step has been repeated. No ``except Exception`` stops it."""


def replay(info: RunInfo, folder: Path, ask: Ask) -> Moment:
    """The moment of the incident of the run in ``folder``, from its own script.

    ``ask`` is called with the script before that is run, and raises where it is not to be.

    Raises:
        CannotReplay: there is no incident or snapshot, the script is gone or has changed, or it does
            not come to the same step again.
    """
    incident = checked_incident(info)
    arrays = checked_snapshot(folder, incident, checked_fit(info, incident))
    again = script_again(info, folder)
    ask(again)
    goal = Goal(info, incident, arrays)
    with contextlib.chdir(again.folder), goal.watching():
        program = Program(info.script, arguments_again(info.argv), keras_2=info.keras_2)
        ending = scripts.run_program(program, catch=(Reached,))
    if goal.problem is not None:
        raise CannotReplay(goal.problem)
    if goal.moment is None:
        how = f"with status {ending.status}" if ending.error is None else f"with {ending.error!r}"
        where = "the step that went bad in " if goal.begun else ""
        raise CannotReplay(
            f"{info.script} ended {how} before it reached {where}training {incident.fit + 1} again."
        )
    goal.moment.folder = again.folder
    return goal.moment


def checked_incident(info: RunInfo) -> IncidentInfo:
    incident = info.incident
    if incident is None:
        raise CannotReplay("The run has no incident: there is no step to bring back.")
    if not incident.frozen and incident.action != "continue":
        raise CannotReplay("The fault was seen only after the step; the state before it was not kept.")
    return incident


def checked_fit(info: RunInfo, incident: IncidentInfo) -> FitInfo:
    fit = next((fit for fit in info.fits if fit.index == incident.fit), None)
    if fit is None:
        raise CannotReplay(f"The record does not tell of training {incident.fit + 1}, which went bad.")
    return fit


def checked_snapshot(folder: Path, incident: IncidentInfo, fit: FitInfo) -> dict[str, Array]:
    path = folder / SNAPSHOT_FILE
    if not path.exists():
        raise CannotReplay(
            f"There is no {path.name} in {folder}: the step was not frozen "
            "(--on-incident continue), or the snapshot was not kept."
        )
    try:
        arrays = load(path)
    except ValueError as error:
        raise CannotReplay(f"{error}.") from error
    missing = [note.part for note in incident.notes if isinstance(note, LeftOutOfSnapshot)]
    part = next((part for part in NEEDED if part in missing), None)
    if part is not None:
        raise CannotReplay(f"{path} is incomplete ({part} is missing): it was larger than --snapshot-limit.")
    if not holds_step(arrays) and fit.kind == "tape":
        raise CannotReplay(f"{path} does not have the arguments of the step of the loop.")
    if not holds_step(arrays) and not any(name.startswith("batch/") for name in arrays):
        raise CannotReplay(f"{path} has no batch: it was larger than --snapshot-limit.")
    return arrays


@dataclass
class Goal:
    """The step to stop at, in a script that runs under watch as it did when the step went bad."""

    info: RunInfo
    incident: IncidentInfo
    arrays: dict[str, Array]
    begun: bool = False  # the training has made a step
    moment: Moment | None = None
    problem: str | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[RunRecorder]:
        """The script that runs in this block has the same ops as it had; its record is thrown away."""
        with tempfile.TemporaryDirectory(prefix="nanwatch-replay-") as folder:
            recorder = RunRecorder(Path(folder), self.info.script, self.info.argv)
            recorder.visit = self.visit
            install_hook(recorder, self.incident.action)
            try:
                yield recorder
            finally:
                recorder.end("halted", None)

    def visit(self, fit: OpenFit, in_step: bool) -> None:
        """A step has been made, or is at its end (``in_step``), where an eager one still holds its ops.

        If it shows the one that went bad, repeat that and leave the script.
        """
        from nanwatch.replay import step_again
        from nanwatch.watch.fit.fit_observer import FitObserver

        assert isinstance(fit, FitObserver)
        if fit.fit is None or fit.fit.info.index != self.incident.fit or not fit.recorder.ours:
            return
        self.begun = True
        try:
            self.moment = step_again.bring_back(fit.watcher, self.arrays, fit.fit.info.kind, in_step)
        except ValueError as error:
            self.problem = (
                f"The snapshot does not fit the model of training {self.incident.fit + 1}: {error}. "
                "The script, or what it reads, has changed since the run."
            )
        if self.moment is not None or self.problem is not None:
            fit.pending = None  # what this run showed by itself is nobody's question
            raise Reached
