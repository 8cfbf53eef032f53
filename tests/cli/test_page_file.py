"""The page in the run's folder: written where something was found, whole or not at all, through no link."""

from __future__ import annotations

import os
import webbrowser
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from nanwatch.cli import page_file
from nanwatch.cli.main import main
from nanwatch.diagnose.diagnosis import Diagnosis
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_on
from tests.cli import saved_runs
from tests.explain import made_up_reports


def in_folder(report: Report, folder: Path) -> Report:
    return replace(report, run=replace(report.run, folder=folder))


def test_a_run_in_which_something_was_found_has_a_page(tmp_path: Path) -> None:
    folder = saved_runs.broken(tmp_path)
    path = page_file.write_page_if_found(report_on(folder))
    assert path == folder / "report.html"
    assert "The loss became NaN at step 40" in path.read_text()
    assert [each.name for each in folder.iterdir() if "report" in each.name] == ["report.html"]


@pytest.mark.parametrize("note", [False, True])
def test_a_run_that_is_well_has_none(note: bool, tmp_path: Path) -> None:
    found = [Diagnosis("NW209", "metric", "cause", "note", "Accuracy is 0.")] if note else []
    assert page_file.write_page_if_found(in_folder(made_up_reports.healthy(*found), tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_the_report_stands(tmp_path: Path) -> None:
    report = in_folder(made_up_reports.healthy(outcome="not-learning"), tmp_path / "gone")
    assert page_file.write_page_if_found(report) is None


def test_what_fails_in_between_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(report: Report) -> str:
        raise ArithmeticError

    monkeypatch.setattr("nanwatch.explain.as_html.render", fails)
    report = in_folder(made_up_reports.healthy(outcome="not-learning"), tmp_path)
    assert page_file.write_page_if_found(report) is None
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path) -> None:
    folder = saved_runs.broken(tmp_path)
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    os.symlink(precious, folder / "report.html")
    assert page_file.page_in(report_on(folder)) is None
    page_file.write_page(report_on(folder))
    assert precious.read_text() == "mine"
    assert page_file.page_in(report_on(folder)) == folder / "report.html"


def explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["explain", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_explain_names_the_page_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved_runs.broken(tmp_path)
    assert "report.html" not in explained(tmp_path, monkeypatch)
    assert explained(tmp_path, monkeypatch, "--format", "html").startswith("<!DOCTYPE html>")
    lines = explained(tmp_path, monkeypatch).splitlines()
    assert lines[-2] == f"  Page   {folder.relative_to(tmp_path)}/report.html"


@pytest.mark.parametrize("opens", [True, False])
def test_it_is_opened(opens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved_runs.healthy(tmp_path)
    asked: list[str] = []

    def opened(address: str) -> bool:
        asked.append(address)
        return opens

    monkeypatch.setattr(webbrowser, "open", opened)
    said = explained(tmp_path, monkeypatch, "--open")
    assert asked == [(folder / "report.html").as_uri()]
    assert (folder / "report.html").is_file()
    assert ("no browser could be opened; the page is logs/" in said) is not opens
