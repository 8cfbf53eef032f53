"""Which findings a command tells, and for which it ends with status 3: alike for run, check and explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from nanwatch.cli.settings import setting
from nanwatch.diagnose.diagnosis import Level
from nanwatch.exit_status import ExitStatus

if TYPE_CHECKING:
    from nanwatch.diagnose.accepted import Choice
    from nanwatch.explain.report import Report

NEVER: Literal["never"] = "never"
FailOn = Level | Literal["never"]


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--select``, ``--ignore`` and ``--baseline`` to a command."""
    select = setting(
        "--select",
        metavar="CODES",
        help="Report only these findings: NW201, relu-output, or NW2 for all NW2xx.",
    )
    ignore = setting("--ignore", metavar="CODES", help="Leave out these findings.")
    baseline = setting(
        "--baseline", type=click.Path(path_type=Path), help="Leave out the findings listed in this file."
    )
    with_options: Callable[..., Any] = select(ignore(baseline(command)))
    return with_options


def fail_on_option(default: FailOn) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds ``--fail-on`` to a command."""
    return setting(
        "--fail-on",
        default=default,
        show_default=True,
        type=click.Choice([*get_args(Level), NEVER]),
        help="Exit with status 3 if a finding has this level or a worse one.",
    )


def verbose_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--verbose`` to a command that shows the report in the terminal."""
    decorate: Callable[..., Callable[..., Any]] = setting(
        "--verbose", "-v", is_flag=True, help="Show the whole report in the terminal, not a screenful."
    )
    return decorate(command)


def choice_of(select: str | None, ignore: str | None, baseline: Path | None) -> Choice:
    """What the options leave out; read before a script is run, which may take its time."""
    from nanwatch.diagnose.accepted import Choice, codes_of
    from nanwatch.diagnose.baseline import read_baseline

    return Choice(
        codes_of(select) if select else None,
        codes_of(ignore or ""),
        frozenset() if baseline is None else read_baseline(baseline),
    )


def status_of(report: Report, fail_on: FailOn) -> ExitStatus:
    """`FINDINGS` where a finding is of the level ``fail_on`` or worse; `FAILED` where none could be seen."""
    from nanwatch.explain.annotated import reaches

    if fail_on == NEVER:
        return ExitStatus.OK
    if reaches(report, fail_on):
        return ExitStatus.FINDINGS
    return ExitStatus.FAILED if report.is_blind() else ExitStatus.OK
