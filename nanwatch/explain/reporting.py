"""From a run folder to its report: read, diagnosed, its remedies tried, and read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from nanwatch.diagnose.accepted import Choice, apply_choice
from nanwatch.diagnose.baseline import keys_of, write_baseline
from nanwatch.diagnose.engine import diagnose
from nanwatch.explain.report import Report
from nanwatch.record.read import read_run
from nanwatch.record.run import Run
from nanwatch.record.trials import Proposal

TryRemedies = Callable[[Sequence[Proposal]], None]
ALL = Choice()


def report_on(
    folder: Path, choice: Choice = ALL, root: str | None = None, try_remedies: TryRemedies | None = None
) -> Report:
    """The report on the run in ``folder``, less what ``choice`` or a comment on its line leaves out.

    ``try_remedies`` gets what the diagnoses propose, and puts down in the folder what came of it.

    Raises:
        RunUnreadable: the folder's record cannot be read.
    """
    report = report_of(read_run(folder), choice, root)
    if try_remedies is None:
        return report
    try_remedies(report.diagnoses.proposals)
    return report_of(read_run(folder), choice, root)


def report_of(run: Run, choice: Choice = ALL, root: str | None = None) -> Report:
    """The report on a run that has been read, as `report_on` gives it."""
    return Report(run, apply_choice(diagnose(run), run, choice, root), root)


def accept_findings(report: Report, baseline: Path) -> Report:
    """Write every finding of ``report`` to the file ``baseline``; the report without them.

    Raises:
        BadConfig: the file cannot be written.
    """
    run, root = report.run, report.root
    write_baseline(baseline, report.diagnoses, run, root)
    accepted = Choice(baseline=frozenset(keys_of(report.diagnoses, run, root)))
    return replace(report, diagnoses=apply_choice(report.diagnoses, run, accepted, root))
