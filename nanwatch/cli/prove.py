"""``nanwatch prove``: remedies and suspicions of a run, tried without haste."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click

from nanwatch.cli.consent import ask_to_run, yes_option
from nanwatch.cli.screen import screen_of, show


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0),
    default=None,
    help="How long the trials may take. Without it there is no limit.",
)
@yes_option
def prove(logs: Path, seconds: float | None, yes: bool) -> None:
    """Try possible fixes on a run that is over.

    Runs the script again up to the end of the training that went wrong, and repeats that training from
    its first weights with each fix, and with each change that is only suspected to help. The report
    that follows says what came of it. LOGS is the folder of a run, or a folder of runs ("logs" if not
    given).
    """
    from nanwatch.cli.page_file import write_page_if_found
    from nanwatch.cli.report_formats import project_root, render_report
    from nanwatch.explain.figures import count
    from nanwatch.explain.reporting import report_on
    from nanwatch.record.backends import need_tensorflow_in
    from nanwatch.record.read import find_run
    from nanwatch.watch import need_framework

    folder = find_run(logs).absolute()
    need_framework()
    before = report_on(folder)
    need_tensorflow_in(before.run.info)
    from nanwatch.replay.prove import prove as try_all

    limit = math.inf if seconds is None else seconds
    tried = try_all(
        before.run.info, folder, before.diagnoses.proposals, lambda script: ask_to_run(script, yes), limit
    )
    report = report_on(folder, root=project_root())
    click.echo(f"{count(tried, 'change')} tried.\n")
    show(render_report(report, "terminal", screen_of(sys.stdout), page=write_page_if_found(report)))
