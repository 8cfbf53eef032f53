"""The report on a training that has ended, with remedies tried on what is held of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from nanwatch.cli.page_file import write_page_if_found
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_on
from nanwatch.record.trials import Proposal
from nanwatch.watch import RunRecorder

if TYPE_CHECKING:
    from nanwatch.replay.held_run import HeldRun

SECONDS = 20.0  # as `nanwatch run` spends by default; an interrupt ends it


def report_with_trials(recorder: RunRecorder, seconds: float = SECONDS) -> Report:
    """The report, also as a page where something was found. What was held of the training is let go."""
    held = HeldHere(recorder, seconds) if seconds and recorder.holds_training() else None
    try:
        report = report_on(recorder.folder, held=held)
    finally:
        let_go(recorder)
    write_page_if_found(report)
    return report


def let_go(recorder: RunRecorder) -> None:
    """A kernel lives on: a model that the user deletes shall be gone."""
    recorder.frozen = recorder.kept = recorder.bad_step = None


class HeldHere:
    """As `HeldRun`, whose import takes a while and is spared a training that is not asked for anything."""

    def __init__(self, recorder: RunRecorder, seconds: float) -> None:
        self.recorder = recorder
        self.seconds = seconds

    def ask_guess(self, fits: Collection[int]) -> None:
        if self.recorder.kept is not None:
            self.held_run().ask_guess(fits)

    def ask_inference(self, fits: Collection[int]) -> None:
        if self.recorder.kept is not None:
            self.held_run().ask_inference(fits)

    def try_remedies(self, proposals: Sequence[Proposal]) -> None:
        if proposals:
            self.held_run().try_remedies(proposals)

    def held_run(self) -> HeldRun:
        from nanwatch.replay.held_run import HeldRun

        return HeldRun(self.recorder, self.seconds)
