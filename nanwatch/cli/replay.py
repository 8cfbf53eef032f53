"""``nanwatch replay``: the bad step again, from its snapshot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nanwatch.cli.screen import show
from nanwatch.errors import RunUnreadable
from nanwatch.explain.as_replay import render
from nanwatch.record.read import find_run, read_info, read_run

if TYPE_CHECKING:
    from nanwatch.replay.again import Moment


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@click.option("--pdb", is_flag=True, help="Open a debugger with x, y, y_pred, loss, gradients and model.")
def replay(logs: Path, pdb: bool) -> None:
    """Bring back the moment before the training broke.

    Runs the script again up to the same training, restores the snapshot, and repeats the step that
    went bad, op by op. LOGS is the folder of a run, or a folder of runs ("logs" if not given).
    """
    from nanwatch.replay.again import replay as bring_back

    folder = of_incident(find_run(logs).absolute())
    moment = bring_back(read_info(folder), folder)
    show(render(moment.found))
    if pdb:
        open_debugger(moment)


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
            f"The incident was in a child process of the script, {part.info.pid}, which cannot be entered "
            "again; the snapshot of it is in " + str(part.folder) + "."
        )
    return part.folder


def open_debugger(moment: Moment) -> None:
    import pdb

    names = ", ".join(name for name, value in moment.names.items() if value is not None)
    sys.stdout.write(f"At hand: {names}. Leave with q.\n")
    debugger = pdb.Pdb(nosigint=True)
    debugger.prompt = "(nanwatch) "
    space = {**moment.names, "__name__": "nanwatch_replay"}
    debugger.run("pass  # the moment before the update", space, space)
