"""Before the script that a record names is run: the user is told which, and asked."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from nanwatch.errors import NanwatchError
from nanwatch.explain.untrusted import clean

if TYPE_CHECKING:
    from nanwatch.replay.script_again import ScriptAgain


class NotAllowed(NanwatchError):
    """Nobody said that the script may be run."""


def yes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--yes`` to a command."""
    added: Callable[..., Any] = click.option(
        "--yes", is_flag=True, help="Run the script that the record names, without asking."
    )(command)
    return added


def ask_to_run(wanted: ScriptAgain, yes: bool) -> None:
    """Say what would be run, and ask; without a terminal ``--yes`` is wanted.

    Raises:
        NotAllowed: the answer was no, or there is nobody to ask.
    """
    command, place = command_words(wanted), clean(str(wanted.folder))
    if not yes and not sys.stdin.isatty():
        raise NotAllowed(
            f"This would run the script that the record names, {command}, from {place}; "
            "add --yes if that may be run."
        )
    why = "" if wanted.moved is None else f" ({clean(wanted.moved)})"
    click.echo(
        f"nanwatch: the script that the record names is run again: {command}, from {place}{why}.", err=True
    )
    if not yes and not click.confirm("Run it?", err=True):
        raise NotAllowed("The script was not run.")


def command_words(wanted: ScriptAgain) -> str:
    return shlex.join(clean(part) for part in (str(wanted.path), *wanted.args))
