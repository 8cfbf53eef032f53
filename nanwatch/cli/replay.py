"""``nanwatch replay``: the bad step again, from its snapshot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nanwatch.record.read import find_run, read_run

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

    folder = find_run(logs).absolute()
    moment = bring_back(read_run(folder).info, folder)
    sys.stdout.write(moment_words(moment))
    sys.stdout.flush()
    if pdb:
        open_debugger(moment)


def moment_words(moment: Moment) -> str:
    """The moment in plain words."""
    from nanwatch.diagnose.op_words import operand_words
    from nanwatch.explain.notes import incident_note_words

    loss = "not seen" if moment.loss is None else f"{moment.loss:.6g}"
    lines = [f"Step {moment.step} again, on the weights of before: loss {loss}."]
    if moment.reproduced:
        lines.append("It went bad again.")
    elif moment.reproduced is False:
        lines.append("It stayed finite this time: not reproduced.")
    if moment.op is not None:
        op = moment.op
        where = f" at {op.location.file}:{op.location.line}" if op.location else ""
        layer = f" in layer {op.layer}" if op.layer else ""
        lines.append(
            f"First op with finite inputs and a non-finite output: {op.type}, {op.direction}{layer}{where}."
        )
        lines += [f"  {operand_words(operand)}" for operand in op.inputs]
    for entry in moment.spread:
        lines.append(f"  {entry.role:<10} {entry.path:<40} {entry.num_bad} of {entry.size}")
    return "\n".join([*lines, *map(incident_note_words, moment.notes)]) + "\n"


def open_debugger(moment: Moment) -> None:
    import pdb

    names = ", ".join(name for name, value in moment.names.items() if value is not None)
    sys.stdout.write(f"At hand: {names}. Leave with q.\n")
    debugger = pdb.Pdb(nosigint=True)
    debugger.prompt = "(nanwatch) "
    space = {**moment.names, "__name__": "nanwatch_replay"}
    debugger.run("pass  # the moment before the update", space, space)
