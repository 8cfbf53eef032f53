"""``nanwatch run``: the script, with a recorder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nanwatch.cli.completion import complete_script
from nanwatch.cli.habits import check_module, refuse_shell_script, say, tell_of_misplaced, without_python
from nanwatch.cli.handover import Handover
from nanwatch.cli.python_like import PythonLike
from nanwatch.cli.settings import keras_option, setting
from nanwatch.cli.telling import NEVER, FailOn, choice_of, choice_options, fail_on_option, verbose_option

if TYPE_CHECKING:
    from nanwatch.watch import Program
    from nanwatch.watch.incident.handler import OnIncident


@click.command(
    cls=PythonLike, context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False}
)
@setting(
    "--log-dir",
    default="logs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Each run gets its own folder below this folder.",
)
@setting(
    "--on-incident",
    default="raise",
    show_default=True,
    type=click.Choice(["raise", "stop", "continue"]),
    help="At the first non-finite step: leave fit at once, let fit end by itself, or only record it.",
)
@setting(
    "--snapshot-limit",
    default=512,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="MB",
    help="The largest size of the snapshot of a bad step, in megabytes.",
)
@setting(
    "--prove",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0.0),
    metavar="SECONDS",
    help="How long fixes may be tried at the end of a training that went wrong; 0: try none.",
)
@keras_option
@setting("--quiet", is_flag=True, help="Write no report at the end unless something was found.")
@verbose_option
@fail_on_option(NEVER)
@choice_options
@click.option("-m", "module", metavar="MODULE", help="Run a module, as `python -m` does.")
@click.argument(
    "script_and_args",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[SCRIPT] [ARGS]...",
    shell_complete=complete_script,
)
def run(
    log_dir: Path,
    on_incident: OnIncident,
    snapshot_limit: int,
    prove: float,
    keras: str,
    quiet: bool,
    verbose: bool,
    fail_on: FailOn,
    select: str | None,
    ignore: str | None,
    baseline: Path | None,
    module: str | None,
    script_and_args: tuple[str, ...],
) -> None:
    """Run SCRIPT as `python SCRIPT ARGS...` would, and watch every training in it.

    The script keeps its arguments, output and exit status. If a loss, a gradient or a weight
    becomes NaN or infinite, the training is halted before the update is applied, and the exit
    status is 3. The report goes to stderr.
    """
    from nanwatch.cli.watched_script import Wanted, run_wanted

    program = find_program(module, script_and_args, click.get_current_context().command, keras)
    choice = choice_of(select, ignore, baseline)
    limit = snapshot_limit * 2**20
    wanted = Wanted(program, log_dir, limit, on_incident, prove, quiet, fail_on, choice, verbose)
    raise Handover(functools.partial(run_wanted, wanted))


def find_program(module: str | None, given: tuple[str, ...], command: click.Command, keras: str) -> Program:
    """The script or module, its own arguments, and the Keras that it is given.

    Raises:
        TensorFlowMissing: there is nothing here that trains.
    """
    from nanwatch.watch import Program, check_keras_2, check_script, is_disabled, need_framework

    name = command.name or ""
    if module is None:
        module, given = without_python(given, name)

    if keras == "2":
        check_keras_2()
    if module is not None:
        check_module(module)
        program = Program(module, given, is_module=True, keras_2=keras == "2")
    elif given:
        check_script(given[0])
        refuse_shell_script(given[0], name)
        tell_of_misplaced(command, name, given)
        tell_of_notebook(given[0])
        program = Program(given[0], given[1:], keras_2=keras == "2")
    else:
        raise click.UsageError(f"Give the training script, as in `nanwatch {name} train.py`.")
    if not is_disabled():
        need_framework()
    return program


def tell_of_notebook(script: str) -> None:
    """That its cells are run as a script, and what is left out of them."""
    from nanwatch.watch import is_notebook, notebook_cells

    if not is_notebook(script):
        return
    cells = notebook_cells(script)
    left_out = sum(cell.left_out for cell in cells)
    said = f"{script} is run as a script: {count(len(cells), 'cell')} of code, one after the other"
    if left_out:
        said += f", without {count(left_out, 'line')} that only IPython reads (%, !)"
    say(f"{said}.")


def count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
