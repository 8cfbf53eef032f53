"""``nanwatch explain``: a run, in words."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nanwatch.cli.report_formats import FormatRequest, format_option, project_root, write_reports
from nanwatch.cli.telling import (
    NEVER,
    FailOn,
    choice_of,
    choice_options,
    fail_on_option,
    status_of,
    verbose_option,
)
from nanwatch.explain.reporting import report_on
from nanwatch.record.read import find_run


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@format_option
@verbose_option
@fail_on_option(NEVER)
@choice_options
def explain(
    logs: Path,
    formats: tuple[FormatRequest, ...],
    verbose: bool,
    fail_on: FailOn,
    select: str | None,
    ignore: str | None,
    baseline: Path | None,
) -> None:
    """Say what happened in a run, why, and what to change.

    LOGS is the folder of a run, or a folder of runs, of which the newest is taken ("logs" if
    it is not given). On GitHub Actions the findings are annotated at their lines as well, and
    the report is added to the summary of the job.
    """
    choice = choice_of(select, ignore, baseline)
    report = report_on(find_run(logs), choice, project_root())
    write_reports(report, formats, verbose)
    sys.exit(status_of(report, fail_on))
