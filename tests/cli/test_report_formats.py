"""``--format``: which formats go where, and what is added on GitHub."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from nanwatch.cli import report_formats
from nanwatch.cli.main import main
from nanwatch.cli.report_formats import FormatRequest, parse_format
from tests.cli import saved_runs

UNSET = dict.fromkeys(
    ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR", "NANWATCH_FORMAT")
)


def explain(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], env={**UNSET, **environment})


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    saved_runs.broken(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_format_and_its_file() -> None:
    assert parse_format("json") == FormatRequest("json", None)
    assert parse_format("json:-") == FormatRequest("json", None)
    assert parse_format("json:a:b.json") == FormatRequest("json", Path("a:b.json"))
    with pytest.raises(click.BadParameter, match=r"'pdf' is not one of 'terminal', 'json'"):
        parse_format("pdf:x")
    with pytest.raises(
        click.BadParameter, match="'json:' names no file; write json:FILE, or json for stdout"
    ):
        parse_format("json:")


def test_several_at_once(project: Path) -> None:
    result = explain("--format", "terminal", "--format", "sarif:out.sarif", "--format", "junit:out.xml")
    assert result.exit_code == 0
    assert "NW201 relu-output" in result.stdout
    assert json.loads((project / "out.sarif").read_text())["version"] == "2.1.0"
    assert (
        (project / "out.xml").read_text().startswith('<?xml version="1.0" encoding="utf-8"?>\n<testsuites ')
    )
    assert result.stderr == ""


def test_files_alone_leave_stdout_empty(project: Path) -> None:
    assert explain("--format", "json:a.json", "--format", "markdown:a.md").stdout == ""


@pytest.mark.parametrize("second", ["terminal", "sarif"])
def test_a_document_shares_stdout_with_nothing(second: str) -> None:
    result = explain("--format", "json", "--format", second)
    assert result.exit_code == 2
    assert "cannot share stdout; give one a file, as in --format json:FILE." in result.stderr
    assert result.stdout == ""


def test_the_output_option_is_for_one_format(project: Path) -> None:
    assert explain("--format", "json", "--format", "sarif:b.sarif", "-o", "a.json").stdout == ""
    assert json.loads((project / "a.json").read_text())["format"] == 1
    result = explain("--format", "json", "--format", "sarif", "-o", "a.json")
    assert result.exit_code == 2
    assert "-o FILE goes with one format; write --format NAME:FILE for each." in result.stderr


def test_a_file_that_cannot_be_written() -> None:
    result = explain("--format", "json:no/such/folder.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        "The report could not be written to no/such/folder.json: No such file or directory." in result.stderr
    )


def test_formats_of_the_environment_and_of_pyproject(project: Path) -> None:
    assert json.loads(explain(NANWATCH_FORMAT="json sarif:e.sarif").stdout)["format"] == 1
    assert (project / "e.sarif").exists()
    (project / "pyproject.toml").write_text('[tool.nanwatch]\nformat = "markdown json:p.json"\n')
    assert explain().stdout.startswith("## ❌ The loss became NaN")
    assert (project / "p.json").exists()
    assert explain("--format", "github").stdout.startswith("::error ")
    (project / "pyproject.toml").write_text('[tool.nanwatch]\nformat = "pdf"\n')
    result = explain()
    assert result.exit_code == 2
    assert "[tool.nanwatch] format in pyproject.toml: 'pdf' is not one of" in result.stderr


def test_on_github_annotations_and_a_summary_come_by_themselves(project: Path) -> None:
    summary = project / "summary.md"
    summary.write_text("before\n")
    result = explain(
        "--format",
        "json",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_WORKSPACE="/project",
    )
    assert json.loads(result.stdout)["format"] == 1
    assert result.stderr.startswith("::error file=train.py,line=7,title=NW201 relu-output::")
    assert summary.read_text().startswith("before\n## ❌ The loss became NaN at step 40")


def test_annotations_that_were_asked_for_come_once() -> None:
    result = explain("--format", "github", GITHUB_ACTIONS="true")
    assert result.stdout.startswith("::error ")
    assert result.stderr == ""


def test_elsewhere_nothing_is_added(project: Path) -> None:
    result = explain(GITHUB_STEP_SUMMARY=str(project / "summary.md"))
    assert "::error" not in result.output
    assert not (project / "summary.md").exists()


def test_a_summary_is_no_longer_than_github_takes() -> None:
    paragraph = "ü" * 99 + "\n\n"
    whole = paragraph * ((report_formats.SUMMARY_BYTES - 1) // len(paragraph.encode()))
    assert report_formats.shorten_summary(whole) == whole
    cut = report_formats.shorten_summary(whole + paragraph)
    assert len(cut.encode()) <= report_formats.SUMMARY_BYTES
    assert cut.endswith("ü" + report_formats.SHORTER)
    assert cut.removesuffix(report_formats.SHORTER).replace("\n\n", "") == "ü" * 99 * cut.count("ü" * 99)
