"""``nanwatch run``: the script, with a witness."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nanwatch.cli.settings import settings

if TYPE_CHECKING:
    from nanwatch.watch.script import Ending
    from nanwatch.watch.witness import Witness

STATUS_OF_HALT = 3


def with_settings(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """An option that was given neither here nor in the environment comes from pyproject.toml."""
    source = ctx.get_parameter_source(param.name or "")
    if source is click.core.ParameterSource.DEFAULT:
        found = settings(Path.cwd()).get(param.name or "")
        if found is not None:
            return param.type_cast_value(ctx, found)
    return value


def setting(*names: str, **facts: Any) -> Callable[[Any], Any]:
    """An option whose default comes from NANWATCH_<NAME>, then from pyproject.toml."""
    variable = "NANWATCH_" + names[0].lstrip("-").upper().replace("-", "_")
    return click.option(*names, envvar=variable, callback=with_settings, **facts)


@click.command(context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@setting(
    "--log-dir",
    default="logs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder below which the run gets a folder of its own.",
)
@setting(
    "--on-incident",
    default="raise",
    show_default=True,
    type=click.Choice(["raise", "stop", "continue"]),
    help="At the first non-finite step: leave fit at once, let fit end, or only record.",
)
@setting(
    "--snapshot-limit",
    default=512,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="MB",
    help="Megabytes that the snapshot of a bad step may take.",
)
@setting("--quiet", is_flag=True, help="Write no report at the end unless something was found.")
@click.option("-m", "module", metavar="MODULE", help="Run a module, as `python -m` does.")
@click.argument("script_and_args", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGS]...")
def run(
    log_dir: Path,
    on_incident: str,
    snapshot_limit: int,
    quiet: bool,
    module: str | None,
    script_and_args: tuple[str, ...],
) -> None:
    """Run SCRIPT as `python SCRIPT ARGS...` would, and watch every training in it.

    The script keeps its arguments, output and exit status. When a loss, a gradient or a weight
    becomes NaN or infinite the training is halted before the update is applied, and the exit
    status is 3. The report goes to stderr.
    """
    from nanwatch.watch import script as scripts

    args = list(script_and_args)
    if module is None:
        if not args:
            raise click.UsageError("Give the training script, as in `nanwatch run train.py`.")
        scripts.check_script(args[0])
    name = module or args.pop(0)
    witness = None if disabled() else witness_for(log_dir, name, args, on_incident, snapshot_limit)
    if module is not None:
        ending = scripts.run_module(module, args)
    else:
        ending = scripts.run_script(name, args)
    leave(ending, witness, quiet)


def disabled() -> bool:
    return os.environ.get("NANWATCH_DISABLE", "") not in ("", "0")


def witness_for(log_dir: Path, name: str, args: list[str], on_incident: str, snapshot_limit: int) -> Witness:
    """The run's folder, made now; Keras will be met when the script imports it."""
    from nanwatch.errors import NanwatchError
    from nanwatch.watch.arm import arm
    from nanwatch.watch.witness import Witness

    try:
        witness = Witness(Path(os.path.abspath(log_dir)), name, (name, *args), snapshot_limit * 2**20)
    except OSError as error:
        raise NanwatchError(
            f"No run folder could be made in {log_dir}: {error.strerror}; give another one with --log-dir."
        ) from error
    arm(witness, on_incident)
    return witness


def leave(ending: Ending, witness: Witness | None, quiet: bool) -> None:
    """Finish the record, write the report, and end as the script did."""
    if ending.code is not None and not isinstance(ending.code, int):
        print(ending.code, file=sys.stderr)
    status = ending.status
    if witness is not None and witness.ours:
        if status == 0 and witness.halted:
            status = STATUS_OF_HALT
        with contextlib.suppress(Exception):  # a closed or missing stdout is for Python to speak of
            sys.stdout.flush()
        witness.end(status_word(ending, witness), status)
        report(witness, quiet)
    if ending.interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    sys.exit(status)


def status_word(ending: Ending, witness: Witness) -> Any:
    if ending.halted or witness.halted:
        return "halted"
    if ending.interrupted:
        return "killed"
    return "crashed" if ending.error is not None else "finished"


def report(witness: Witness, quiet: bool) -> None:
    """The report on stderr. Whatever fails here is nanwatch's own fault and changes nothing."""
    from nanwatch.cli.report_formats import rendered
    from nanwatch.cli.screen import screen_of, show
    from nanwatch.diagnose.engine import diagnose
    from nanwatch.explain.report import build_report
    from nanwatch.record.read import read_run

    try:
        run = read_run(witness.folder)
        found = build_report(run, diagnose(run))
        if not quiet or any(diagnosis.level != "note" for diagnosis in found.diagnoses.diagnoses):
            show(rendered(found, "terminal", screen_of(sys.stderr)), sys.stderr)
    except Exception as error:
        if os.environ.get("NANWATCH_DEBUG"):
            raise
        print(
            f"nanwatch: the report could not be written: {type(error).__name__}: {error}. The record is "
            f"in {witness.folder}.",
            file=sys.stderr,
        )
