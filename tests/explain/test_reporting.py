"""From a folder to its report: what is left out, what is tried, and what is read again afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from nanwatch.diagnose.accepted import Choice
from nanwatch.diagnose.baseline import read_baseline
from nanwatch.errors import BadConfig, RunNotFound
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import accept_findings, report_of, report_on
from nanwatch.record.facts import LossInfo
from nanwatch.record.trials import Proposal, Trial, TrialOutcome, write_trials
from tests.cli import saved_runs
from tests.explain import made_up_reports

NAN, FINITE = TrialOutcome(False, 0), TrialOutcome(True, 30, 0.5)


def codes(report: Report) -> list[str]:
    return [diagnosis.code for diagnosis in report.diagnoses.diagnoses]


def test_a_folder_is_read_and_diagnosed(tmp_path: Path) -> None:
    report = report_on(saved_runs.broken(tmp_path), root="/checkout")
    assert codes(report)[0] == "NW201"
    assert report.root == "/checkout"
    assert codes(report_of(report.run)) == codes(report)


def test_what_the_choice_leaves_out_is_named(tmp_path: Path) -> None:
    report = report_on(saved_runs.broken(tmp_path), Choice(ignore=frozenset({"NW201"})))
    assert "NW201" not in codes(report)
    assert any(text.startswith("NW201 relu-output") for text in report.diagnoses.accepted)


@dataclass
class Asked:
    """Says of every first remedy that it cured."""

    folder: Path
    fits: list[int] = field(default_factory=list)
    handed: list[Proposal] = field(default_factory=list)

    def ask_guess(self, fits: Collection[int]) -> None:
        self.fits.extend(fits)

    def ask_inference(self, fits: Collection[int]) -> None:
        self.fits.extend(-1 - fit for fit in fits)

    def try_remedies(self, proposals: Sequence[Proposal]) -> None:
        self.handed.extend(proposals)
        if proposals:
            write_trials(self.folder, [Trial(proposals[0].interventions[0], "cured", NAN, FINITE, 30)])


def test_remedies_are_handed_on_and_what_came_of_them_is_read(tmp_path: Path) -> None:
    folder = saved_runs.broken(tmp_path)
    held = Asked(folder)
    report = report_on(folder, held=held)
    handed = [change for proposal in held.handed for change in proposal.interventions]
    assert len(handed) == sum(len(diagnosis.remedies) for diagnosis in report.diagnoses.diagnoses)
    trial = report.diagnoses.diagnoses[0].remedies[0].trial
    assert trial is not None
    assert (trial.verdict, trial.steps) == ("cured", 30)


def test_remedies_of_what_is_left_out_are_not_tried(tmp_path: Path) -> None:
    held = Asked(saved_runs.broken(tmp_path))
    report_on(held.folder, Choice(select=frozenset({"NW118"})), held=held)
    assert held.handed == []


def test_accepted_findings_are_in_the_file_and_out_of_the_report(tmp_path: Path) -> None:
    report = report_on(saved_runs.broken(tmp_path))
    accepted = accept_findings(report, tmp_path / "known.json")
    assert codes(accepted) == []
    assert len(accepted.diagnoses.accepted) == len(codes(report))
    again = report_on(report.run.folder or tmp_path, Choice(baseline=read_baseline(tmp_path / "known.json")))
    assert again.diagnoses == accepted.diagnoses


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound):
        report_on(tmp_path)
    with pytest.raises(BadConfig, match="cannot be written"):
        accept_findings(report_on(saved_runs.broken(tmp_path)), tmp_path / "no" / "known.json")


def test_a_guess_is_asked_for_where_no_formula_knows_it(tmp_path: Path) -> None:
    run = made_up_reports.healthy().run
    model = run.info.models[0]
    asked = []
    for loss in ("binary_crossentropy", "focal"):
        outputs = tuple(replace(output, loss=LossInfo(loss)) for output in model.outputs)
        with_loss = replace(run, info=replace(run.info, models=(replace(model, outputs=outputs),)))
        held = Asked(saved_runs.save(with_loss, tmp_path / loss))
        report_on(held.folder, held=held)
        asked.append(held.fits)
    assert asked == [[], [0]]
