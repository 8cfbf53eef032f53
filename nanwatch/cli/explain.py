"""``nanwatch explain``: a run, in words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from nanwatch.cli.explain_log import STDIN, check_no_script, explain_log, is_log
from nanwatch.cli.page_file import open_page, page_here, page_in, write_page
from nanwatch.cli.report_formats import FormatRequest, format_option, project_root, write_reports
from nanwatch.cli.screen import show
from nanwatch.cli.telling import (
    NEVER,
    FailOn,
    choice_of,
    choice_options,
    fail_on_option,
    status_of,
    verbose_option,
)
from nanwatch.errors import LogUnreadable, NanwatchError
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_on
from nanwatch.record.read import find_run


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@click.option(
    "--script",
    type=click.Path(path_type=Path),
    help="Of a log that nanwatch did not write: the script, in whose lines the fault is looked for.",
)
@format_option
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Compare with this run: what was changed since, and what came of it.",
)
@verbose_option
@click.option("--open", "open_it", is_flag=True, help="Open the report as a page in the browser.")
@fail_on_option(NEVER)
@choice_options
def explain(
    logs: Path,
    script: Path | None,
    formats: tuple[FormatRequest, ...],
    against: Path | None,
    verbose: bool,
    open_it: bool,
    fail_on: FailOn,
    select: str | None,
    ignore: str | None,
    baseline: Path | None,
) -> None:
    """Say what happened in a run, why, and what to change.

    LOGS is the folder of a run, or a folder of runs, of which the newest is taken ("logs" if
    it is not given). On GitHub Actions the findings are annotated at their lines as well, and
    the report is added to the summary of the job.

    LOGS may also be a file that nanwatch did not write: a console log of Keras ("-": stdin), the CSV of
    CSVLogger, history.history as JSON or as printed, an event file of TensorBoard or its folder. What fits
    it is a suspicion; --script train.py adds the lines that fit. The script is read, and not run.
    """
    if logs.suffix and not logs.exists() and str(logs) != STDIN:
        raise LogUnreadable(f"There is no file or folder {logs}.")
    if is_log(logs):
        if against is not None or open_it:
            raise click.UsageError("--against and --open are for runs of nanwatch's own, and not for a log.")
        explain_log(logs, script, formats)
        return
    check_no_script(script)
    choice = choice_of(select, ignore, baseline)
    report = report_on(find_run(logs), choice, project_root())
    if against is not None:
        other = report_on(find_run(against), choice, project_root())
        report = replace(report, against=other)
    page = page_for(report, formats, open_it)
    write_reports(report, [each for each in formats if not shown_as_page(each, page)], verbose, page)
    sys.exit(status_of(report, fail_on))


def page_for(report: Report, formats: Sequence[FormatRequest], open_it: bool) -> Path | None:
    """The page in the run's folder: written anew where it is asked for, else the one that is there."""
    if not open_it and all(each.name != "html" for each in formats):
        return page_in(report)
    try:
        page = write_page(report)
    except OSError as error:  # the folder may be another's
        if open_it:
            raise NanwatchError(f"The page cannot be written: {error.strerror}.") from error
        return None
    if page is not None and open_it:
        open_page(page)
    return page


def shown_as_page(wanted: FormatRequest, page: Path | None) -> bool:
    """Of HTML nobody wants to see the source on a terminal: there, its path is told instead."""
    if wanted.name != "html" or wanted.file is not None or page is None or not sys.stdout.isatty():
        return False
    show(f"{page_here(page)}\n")
    return True
