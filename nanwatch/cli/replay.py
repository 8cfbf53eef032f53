"""``nanwatch replay``: the bad step again, from its snapshot."""

from __future__ import annotations

from pathlib import Path

import click

from nanwatch.cli.consent import ask_to_run, yes_option
from nanwatch.cli.debugger import open_at
from nanwatch.cli.screen import show
from nanwatch.errors import RunUnreadable
from nanwatch.explain.as_replay import render
from nanwatch.record.backends import need_tensorflow_in
from nanwatch.record.read import find_run, read_all_info, read_run


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@click.option(
    "--pdb",
    is_flag=True,
    help="Open a debugger at the line of the op, with its inputs and output, x, y, loss and gradients.",
)
@yes_option
def replay(logs: Path, pdb: bool, yes: bool) -> None:
    """Bring back the moment before the training broke.

    Runs the script again up to the same training, restores the snapshot, and repeats the step that went
    bad, op by op. It prints the op at which the fault began, the ops around it, and the values that each
    produced. LOGS is a run folder, or a folder of runs ("logs" if it is not given).
    """
    from nanwatch.watch import need_framework

    folder = of_incident(find_run(logs).absolute())
    need_framework()
    info = read_all_info(folder, [])
    need_tensorflow_in(info)
    from nanwatch.replay.again import replay as bring_back

    moment = bring_back(info, folder, lambda script: ask_to_run(script, yes))
    show(render(moment.found, str(moment.folder)))
    if pdb:
        op = moment.found.op
        open_at(None if op is None else op.location, moment.names)


def of_incident(folder: Path) -> Path:
    """The run's folder, or its part that the incident was in.

    Raises:
        RunUnreadable: no process of its own could be started to bring that back.
    """
    run = read_run(folder)
    part = run.part_of_incident()
    if part is None or part.folder is None:
        return folder
    if run.is_same_program(part):
        raise RunUnreadable(
            f"The incident was in a child process of the script, {part.info.pid}, which cannot be started "
            f"again by itself. Its snapshot is in {part.folder}."
        )
    return part.folder
