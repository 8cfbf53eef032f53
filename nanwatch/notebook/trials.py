"""The report on a training that has ended, with remedies tried on what is held of it."""

from __future__ import annotations

from nanwatch.cli.asked_late import AskedLate
from nanwatch.cli.page_file import write_page_if_found
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_on
from nanwatch.watch import RunRecorder

SECONDS = 20.0  # as `nanwatch run` spends by default; an interrupt ends it


def report_with_trials(recorder: RunRecorder, seconds: float = SECONDS) -> Report:
    """The report, also as a page where something was found. What was held of the training is let go."""
    held = AskedLate(recorder, seconds) if seconds and recorder.holds_training() else None
    try:
        report = report_on(recorder.folder, held=held)
    finally:
        let_go(recorder)
    write_page_if_found(report)
    return report


def let_go(recorder: RunRecorder) -> None:
    """A kernel lives on: a model that the user deletes shall be gone."""
    recorder.frozen = recorder.kept = recorder.bad_step = None
