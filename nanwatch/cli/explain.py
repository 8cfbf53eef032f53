"""``nanwatch explain``: a run, in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import click

from nanwatch.cli.report_formats import Wanted, format_option, project_root, write_reports
from nanwatch.diagnose.diagnosis import LEVELS, Diagnoses, Level
from nanwatch.explain.report import build_report
from nanwatch.record.read import find_run, read_run

STATUS_OF_FINDINGS = 3


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@format_option
@click.option(
    "--fail-on",
    type=click.Choice([*get_args(Level), "never"]),
    default="never",
    show_default=True,
    help="Exit with status 3 when a finding is of this level or worse.",
)
def explain(logs: Path, formats: tuple[Wanted, ...], fail_on: str) -> None:
    """Say what happened in a run, why, and what to change.

    LOGS is the folder of a run, or a folder of runs, of which the newest is taken ("logs" if
    it is not given). On GitHub Actions the findings are annotated at their lines as well, and
    the report is added to the summary of the job.
    """
    from nanwatch.diagnose.engine import diagnose

    run = read_run(find_run(logs))
    report = build_report(run, diagnose(run), project_root())
    write_reports(report, formats)
    if reaches(report.diagnoses, fail_on):
        sys.exit(STATUS_OF_FINDINGS)


def reaches(diagnoses: Diagnoses, fail_on: str) -> bool:
    """Whether a finding is of the level ``fail_on`` or worse."""
    if fail_on == "never":
        return False
    counted = LEVELS[: LEVELS.index(next(level for level in LEVELS if level == fail_on)) + 1]
    return any(diagnosis.level in counted for diagnosis in diagnoses.diagnoses)
