"""``nanwatch explain``: a run, in words."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nanwatch.cli.explain_log import STDIN, check_no_script, explain_log, is_log
from nanwatch.cli.report_formats import FormatRequest, format_option, project_root, write_reports
from nanwatch.cli.telling import NEVER, FailOn, choice_of, choice_options, fail_on_option, status_of
from nanwatch.errors import LogUnreadable
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
@fail_on_option(NEVER)
@choice_options
def explain(
    logs: Path,
    script: Path | None,
    formats: tuple[FormatRequest, ...],
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
        explain_log(logs, script, formats)
        return
    check_no_script(script)
    choice = choice_of(select, ignore, baseline)
    report = report_on(find_run(logs), choice, project_root())
    write_reports(report, formats)
    sys.exit(status_of(report, fail_on))
