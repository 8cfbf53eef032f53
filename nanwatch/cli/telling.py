"""Which findings a command tells, and for which it ends with status 3: alike for run, check and explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import click

from nanwatch.cli.settings import setting
from nanwatch.diagnose.diagnosis import LEVELS, Level

if TYPE_CHECKING:
    from nanwatch.diagnose.accepted import Choice
    from nanwatch.diagnose.diagnosis import Diagnoses
    from nanwatch.explain.report import Report
    from nanwatch.record.run import Run

STATUS_OF_FINDINGS = 3
NEVER = "never"


class Telling(NamedTuple):
    """What is left out (None: only what a comment on its line leaves out), and what fails."""

    choice: Choice | None = None
    fail_on: str = NEVER


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--select``, ``--ignore`` and ``--baseline`` to a command."""
    select = setting(
        "--select",
        metavar="CODES",
        help="Tell these findings only: NW201, relu-output, or NW2 for all NW2xx.",
    )
    ignore = setting("--ignore", metavar="CODES", help="Do not tell these findings.")
    baseline = setting(
        "--baseline", type=click.Path(path_type=Path), help="Do not tell the findings in this file."
    )
    with_options: Callable[..., Any] = select(ignore(baseline(command)))
    return with_options


def fail_on_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds ``--fail-on`` to a command."""
    return setting(
        "--fail-on",
        default=default,
        show_default=True,
        type=click.Choice([*get_args(Level), NEVER]),
        help="Exit with status 3 when a finding is of this level or worse.",
    )


def choice_of(select: str | None, ignore: str | None, baseline: Path | None) -> Choice | None:
    """What the options leave out, None for nothing; read before a script is run, which may take its time."""
    if not select and not ignore and baseline is None:
        return None
    from nanwatch.diagnose.accepted import Choice, codes_of
    from nanwatch.diagnose.baseline import read_baseline

    return Choice(
        codes_of(select) if select else None,
        codes_of(ignore or ""),
        frozenset() if baseline is None else read_baseline(baseline),
    )


def diagnose_with_choice(run: Run, choice: Choice | None, root: str | None) -> Diagnoses:
    """The diagnoses of ``run``, less what the choice or a comment on its line leaves out."""
    from nanwatch.diagnose.accepted import Choice, apply_choice
    from nanwatch.diagnose.engine import diagnose

    return apply_choice(diagnose(run), run, choice or Choice(), root)


def reaches(report: Report, fail_on: str) -> bool:
    """Whether a finding, and not only what follows from one, is of the level ``fail_on`` or worse."""
    from nanwatch.explain.annotated import annotation_level

    if fail_on == NEVER:
        return False
    counted = [level for level in LEVELS if LEVELS.index(level) <= LEVELS.index(fail_on)]
    return any(annotation_level(diagnosis) in counted for diagnosis in report.diagnoses.diagnoses)
