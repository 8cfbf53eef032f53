"""From a run folder to its report: read, diagnosed, its remedies tried, and read again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from nanwatch.diagnose.accepted import Choice, apply_choice
from nanwatch.diagnose.baseline import keys_of, write_baseline
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.skill import guess_of
from nanwatch.explain.report import Report
from nanwatch.record.read import read_run
from nanwatch.record.run import Fit, Run
from nanwatch.record.trials import Proposal

ALL = Choice()


class Held(Protocol):
    """A training that is held in memory. What it is asked for it puts down in the folder."""

    def ask_guess(self, fits: Collection[int]) -> None:
        """Try constant answers on the loss, if the training is one of ``fits``."""

    def ask_inference(self, fits: Collection[int]) -> None:
        """Run rows of the training in inference mode, if it is one of ``fits``."""

    def try_remedies(self, proposals: Sequence[Proposal]) -> None:
        """Make the training again with each of ``proposals``."""


def report_on(
    folder: Path, choice: Choice = ALL, root: str | None = None, held: Held | None = None
) -> Report:
    """The report on the run in ``folder``, less what ``choice`` or a comment on its line leaves out.

    ``held`` is asked what the record does not tell, and gets what the diagnoses propose.

    Raises:
        RunUnreadable: the folder's record cannot be read.
    """
    run = read_run(folder)
    if held is None:
        return report_of(run, choice, root)
    fits = [fit for fit in run.fits if not fit.info.brief]
    unknown = [fit.info.index for fit in fits if lacks_guess(fit)]
    untried = [fit.info.index for fit in fits if lacks_inference(fit)]
    if unknown:
        held.ask_guess(unknown)
    if untried:
        held.ask_inference(untried)
    if unknown or untried:
        run = read_run(folder)
    held.try_remedies(report_of(run, choice, root).diagnoses.proposals)
    return report_of(read_run(folder), choice, root)


def lacks_guess(fit: Fit) -> bool:
    """Whether it is not known what a constant answer costs, be it of one of several outputs."""
    several = sum(output.loss is not None for output in fit.model.outputs) > 1
    return guess_of(fit) is None or (several and not fit.info.guess_losses)


def lacks_inference(fit: Fit) -> bool:
    """Whether a training that normalises by the batch was not tried in inference at its end.

    While the script runs, no code of its own is called for that.
    """
    normalises = any(layer.type == "BatchNormalization" and layer.trainable for layer in fit.model.layers)
    return normalises and fit.info.inference is None and fit.info.kind == "fit" and fit.info.steps > 0


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
