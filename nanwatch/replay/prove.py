"""Remedies of a run that is over: its script once more, up to the training they are for, and trials there."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nanwatch.errors import NanwatchError
from nanwatch.record.facts import RunInfo
from nanwatch.record.secrets import arguments_again
from nanwatch.record.trials import Proposal, Trial, read_trials, write_trials
from nanwatch.replay.again import Reached
from nanwatch.replay.script_again import Ask, script_again
from nanwatch.watch.import_hook import install_hook
from nanwatch.watch.launch import script as scripts
from nanwatch.watch.launch.starting import Program
from nanwatch.watch.recording.run_recorder import KeptTraining, RunRecorder


class CannotProve(NanwatchError):
    """Nothing can be tried: what is missing, or has changed."""


class KeepsOne(RunRecorder):
    """A record that is thrown away, and leaves the script when the training ends that is wanted."""

    wanted = 0

    def keep(self, training: KeptTraining) -> None:
        if training.fit == self.wanted:
            self.kept = training
            raise Reached


def prove(
    info: RunInfo, folder: Path, proposals: Sequence[Proposal], ask: Ask, seconds: float = math.inf
) -> int:
    """Try ``proposals`` for the run in ``folder``, for ``seconds`` of trials; trials.json says what came.

    ``ask`` is called with the script before that is run, and raises where it is not to be.
    Answers how many were tried. Of the trials that stand there already, those of the same changes give way.

    Raises:
        CannotProve: there is nothing to try, or the script does not come to a training again that can be
            made once more.
        CannotReplay: it is gone.
    """
    if not proposals:
        raise CannotProve("There is nothing to try: the run has no remedy and no suspected cause.")
    fit = proposals[0].fit
    again = script_again(info, folder)
    ask(again)
    with contextlib.chdir(again.folder), watching(info, fit) as recorder:
        program = Program(info.script, arguments_again(info.argv), keras_2=info.keras_2)
        ending = scripts.run_program(program, catch=(Reached,))
        if recorder.kept is None:
            how = f"with status {ending.status}" if ending.error is None else f"with {ending.error!r}"
            raise CannotProve(
                f"{info.script} ended {how}, and training {fit + 1} could not be repeated: it has several "
                "optimizers or devices, its weights are too large to keep, or the script has changed."
            )
        found = trials_of(recorder.kept, proposals, seconds)
    tried = {trial.intervention for trial in found}
    before = [trial for trial in read_trials(folder, []) if trial.intervention not in tried]
    write_trials(folder, [*found, *before])
    return len(found)


def trials_of(kept: KeptTraining, proposals: Sequence[Proposal], seconds: float) -> list[Trial]:
    from nanwatch.replay.made_again import made_again_trials

    return made_again_trials(kept, proposals, time.perf_counter() + seconds)


@contextlib.contextmanager
def watching(info: RunInfo, fit: int) -> Iterator[KeepsOne]:
    """The script that runs in this block is watched as it was; its record is thrown away."""
    with tempfile.TemporaryDirectory(prefix="nanwatch-prove-") as folder:
        recorder = KeepsOne(Path(folder), info.script, info.argv)
        recorder.wanted, recorder.keeps_trainings = fit, True
        install_hook(recorder, "raise")
        try:
            yield recorder
        finally:
            recorder.end("halted", None)
