"""`HeldRun` for a report that may ask nothing of it: its import, and TensorFlow's, wait for a question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanwatch.record.trials import Proposal
    from nanwatch.replay.held_run import HeldRun
    from nanwatch.watch import RunRecorder


def say_nothing(text: str) -> None:
    """Where the user is not to be told."""


@dataclass(frozen=True)
class AskedLate:
    """``say``: tells the user, who is about to wait, for what and how long."""

    recorder: RunRecorder
    seconds: float
    say: Callable[[str], object] = say_nothing

    def ask_guess(self, fits: Collection[int]) -> None:
        if self.recorder.kept is not None:
            self.held_run().ask_guess(fits)

    def ask_inference(self, fits: Collection[int]) -> None:
        if self.recorder.kept is not None:
            self.held_run().ask_inference(fits)

    def try_remedies(self, proposals: Sequence[Proposal]) -> None:
        if proposals:
            self.say(f"trying possible fixes, for {self.seconds:g} s at most; Ctrl-C ends that.")
            self.held_run().try_remedies(proposals)

    def held_run(self) -> HeldRun:
        from nanwatch.replay.held_run import HeldRun

        return HeldRun(self.recorder, self.seconds)
