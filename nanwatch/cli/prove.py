"""``nanwatch prove``: remedies and suspicions of a run, tried without haste."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click

from nanwatch.cli.screen import screen_of, show


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0),
    default=None,
    help="How long the trials may take. Without it there is no limit.",
)
def prove(logs: Path, seconds: float | None) -> None:
    """Try the remedies for a run that is over.

    Runs the script again up to the end of the training that failed. Then it repeats this training from
    its first weights with each remedy, and with each change that is only suspected to help. The report
    shows the results. LOGS is a run folder, or a folder of runs ("logs" if it is not given).
    """
    from nanwatch.cli.report_formats import project_root, render_report
    from nanwatch.explain.figures import count
    from nanwatch.explain.reporting import report_on
    from nanwatch.record.read import find_run
    from nanwatch.watch import need_framework

    folder = find_run(logs).absolute()
    need_framework()
    from nanwatch.replay.prove import prove as try_all

    before = report_on(folder)
    limit = math.inf if seconds is None else seconds
    tried = try_all(before.run.info, folder, before.diagnoses.proposals, limit)
    report = report_on(folder, root=project_root())
    show(render_report(report, "terminal", screen_of(sys.stdout)))
    click.echo(f"\n{count(tried, 'change')} tried.")
