"""``nanwatch fix``: the script run, changed as trials have proven, and run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nanwatch.cli.completion import complete_script
from nanwatch.cli.habits import refuse_notebook, refuse_shell_script, tell_of_misplaced, without_python
from nanwatch.cli.settings import keras_option, setting
from nanwatch.exit_status import ExitStatus

if TYPE_CHECKING:
    from nanwatch.explain.as_fix import Round


@click.command(context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@click.option("--write", is_flag=True, help="Put the fixed script in place of the old one.")
@setting(
    "--prove",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0.0),
    metavar="SECONDS",
    help="How long to try remedies at the end of each run.",
)
@setting(
    "--log-dir",
    default="logs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Each run gets its own folder below this folder.",
)
@keras_option
@click.argument(
    "script_and_args",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="SCRIPT [ARGS]...",
    shell_complete=complete_script,
)
def fix(write: bool, prove: float, log_dir: Path, keras: str, script_and_args: tuple[str, ...]) -> None:
    """Run SCRIPT, change what was found to be wrong, and run it again, until its training learns.

    Changes that a trial has proven come first. A change that does not help is taken back. The diff goes
    to stdout, and one line for each run goes to stderr. Without --write the script stays as it is. The
    output of SCRIPT is not shown. The exit status is 3 if a fault is left.
    """
    from nanwatch.explain.as_fix import diff, last_kept, left_in_words, render_round
    from nanwatch.fix.rounds import Fixer
    from nanwatch.watch import check_keras_2, check_script, need_framework

    if not script_and_args:
        raise click.UsageError("Give the training script, as in `nanwatch fix train.py`.")
    given = without_python(script_and_args, "fix").given
    script, args = Path(given[0]), given[1:]
    check_script(str(script))
    refuse_shell_script(str(script), "run")
    refuse_notebook(script)
    tell_of_misplaced(click.get_current_context().command, "fix", given)
    need_framework()
    if keras == "2":
        check_keras_2()
    fixer = Fixer(script.absolute(), args, log_dir, prove, keras)
    number = 0

    def tell(found: Round) -> None:
        nonlocal number
        number += 1
        click.echo(f"nanwatch: {render_round(number, found, str(script))}", err=True)

    rounds = fixer.rounds(tell)
    last = last_kept(rounds)
    changed = diff(fixer.original, last.source, str(script))
    click.echo(changed, nl=False)
    for sentence in left_in_words(last):
        click.echo(f"nanwatch: left: {sentence}", err=True)
    if write and changed:
        script.write_text(last.source, encoding="utf-8")
        click.echo(f"nanwatch: {script} is fixed.", err=True)
    elif changed:
        click.echo(f"nanwatch: nothing was written; use --write to change {script}.", err=True)
    elif not last.is_well:
        click.echo("nanwatch: nothing was changed: no change that can be written is known to help.", err=True)
    if not last.is_well:
        raise SystemExit(ExitStatus.FINDINGS)
