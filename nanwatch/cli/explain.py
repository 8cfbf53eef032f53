"""``nanwatch explain``: a run, in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import click

from nanwatch.cli.screen import FILE, Screen, screen_of, show, show_utf8
from nanwatch.cli.table import NAMES
from nanwatch.diagnose.diagnosis import LEVELS, Diagnoses, Level
from nanwatch.errors import NanwatchError
from nanwatch.explain.formats import FORMATS, renderer
from nanwatch.explain.report import Report, build_report
from nanwatch.record.read import find_run, read_run

STATUS_OF_FINDINGS = 3


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="terminal",
    show_default=True,
    help="What to write.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead.")
@click.option(
    "--fail-on",
    type=click.Choice([*get_args(Level), "never"]),
    default="never",
    show_default=True,
    help="Exit with status 3 when a finding is of this level or worse.",
)
def explain(logs: Path, form: str, output: Path | None, fail_on: str) -> None:
    """Say what happened in a run, why, and what to change.

    LOGS is the folder of a run, or a folder of runs, of which the newest is taken ("logs" if
    it is not given).
    """
    from nanwatch.diagnose.engine import diagnose

    run = read_run(find_run(logs))
    report = build_report(run, diagnose(run))
    text = rendered(report, form, FILE if output else screen_of(sys.stdout))
    if output is not None:
        write(output, text)
    elif form == "terminal":
        show(text)
    else:
        show_utf8(text)
    if reaches(report.diagnoses, fail_on):
        sys.exit(STATUS_OF_FINDINGS)


def rendered(report: Report, form: str, screen: Screen) -> str:
    """The report in the format ``form``; the terminal's is fitted to ``screen``."""
    if form != "terminal":
        return renderer(form)(report)
    from nanwatch.explain import as_terminal

    return as_terminal.render(report, *screen, commands=NAMES)


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise NanwatchError(f"The report could not be written to {path}: {error.strerror}.") from error


def reaches(diagnoses: Diagnoses, fail_on: str) -> bool:
    """Whether a finding is of the level ``fail_on`` or worse."""
    if fail_on == "never":
        return False
    counted = LEVELS[: LEVELS.index(next(level for level in LEVELS if level == fail_on)) + 1]
    return any(diagnosis.level in counted for diagnosis in diagnoses.diagnoses)
