"""``nanwatch explain``: a run, in words."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nanwatch.cli.report_formats import FormatRequest, format_option, project_root, write_reports
from nanwatch.cli.telling import (
    NEVER,
    STATUS_OF_FINDINGS,
    choice_of,
    choice_options,
    diagnose_with_choice,
    fail_on_option,
    reaches,
)
from nanwatch.explain.report import build_report
from nanwatch.record.read import find_run, read_run


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@format_option
@fail_on_option(NEVER)
@choice_options
def explain(
    logs: Path,
    formats: tuple[FormatRequest, ...],
    fail_on: str,
    select: str | None,
    ignore: str | None,
    baseline: Path | None,
) -> None:
    """Say what happened in a run, why, and what to change.

    LOGS is the folder of a run, or a folder of runs, of which the newest is taken ("logs" if
    it is not given). On GitHub Actions the findings are annotated at their lines as well, and
    the report is added to the summary of the job.
    """
    choice, root = choice_of(select, ignore, baseline), project_root()
    run = read_run(find_run(logs))
    report = build_report(run, diagnose_with_choice(run, choice, root), root)
    write_reports(report, formats)
    if reaches(report, fail_on):
        sys.exit(STATUS_OF_FINDINGS)
