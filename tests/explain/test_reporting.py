"""From a folder to its report: what is left out, what is tried, and what is read again afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from nanwatch.diagnose.accepted import Choice
from nanwatch.diagnose.baseline import read_baseline
from nanwatch.errors import BadConfig, RunNotFound
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import accept_findings, report_of, report_on
from nanwatch.record.interventions import Intervention
from nanwatch.record.trials import Proposal, Trial, TrialOutcome, write_trials
from tests.cli import saved_runs

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


def test_remedies_are_handed_on_and_what_came_of_them_is_read(tmp_path: Path) -> None:
    folder = saved_runs.broken(tmp_path)
    handed: list[Intervention] = []

    def try_remedies(proposals: Sequence[Proposal]) -> None:
        handed.extend(change for proposal in proposals for change in proposal.interventions)
        write_trials(folder, [Trial(handed[0], "cured", NAN, FINITE, 30)])

    report = report_on(folder, try_remedies=try_remedies)
    assert len(handed) == sum(len(diagnosis.remedies) for diagnosis in report.diagnoses.diagnoses)
    trial = report.diagnoses.diagnoses[0].remedies[0].trial
    assert trial is not None
    assert (trial.verdict, trial.steps) == ("cured", 30)


def test_remedies_of_what_is_left_out_are_not_tried(tmp_path: Path) -> None:
    handed: list[Proposal] = []
    none = Choice(select=frozenset({"NW118"}))
    report_on(saved_runs.broken(tmp_path), none, try_remedies=handed.extend)
    assert handed == []


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
