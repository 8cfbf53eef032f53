"""A run that has just ended, and what is held of it: it is asked for what its record does not tell."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nanwatch.record.trials import Proposal
from nanwatch.replay.course import guess_of, setup_of
from nanwatch.replay.trial import try_proposals
from nanwatch.watch.incident.autopsy import restore_after
from nanwatch.watch.recording.run_recorder import RunRecorder
from nanwatch.watch.train_step.traced_step import suspend_watching


@dataclass(frozen=True)
class HeldRun:
    """What ``recorder`` holds; remedies are tried on it for ``seconds``."""

    recorder: RunRecorder
    seconds: float

    def ask_guess(self, fits: Collection[int]) -> None:
        """Put down what the best constant answer costs, where the training that is held is one of ``fits``.

        Nothing is put down where no constant could be tried.
        """
        kept = self.recorder.kept
        if kept is None or kept.fit not in fits:
            return
        found = None
        with self.recorder.catch_errors("trying constant answers"), contextlib.suppress(ValueError):
            with suspend_watching(), restore_after(kept.model), contextlib.redirect_stdout(io.StringIO()):
                found = guess_of(setup_of(kept), kept.model)
            if found is not None:
                self.recorder.add_guess(kept.fit, found)

    def try_remedies(self, proposals: Sequence[Proposal]) -> None:
        try_proposals(self.recorder, proposals, self.seconds)
