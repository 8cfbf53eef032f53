"""The command line: finds the command, imports it, and makes our errors one line."""

from __future__ import annotations

import importlib
from typing import Any, cast

import click

from nanwatch.cli.handover import Handover
from nanwatch.cli.table import COMMANDS, NAMES
from nanwatch.errors import NanwatchError
from nanwatch.exit_status import ExitStatus
from nanwatch.explain.untrusted import clean
from nanwatch.line_notes import wait_no_more
from nanwatch.version import __version__


class Commands(click.Group):
    """The commands of the table; each is imported when it is asked for, and not before."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        wait_no_more()
        try:
            return super().__call__(*args, **kwargs)
        except Handover as handover:
            work = handover.work
        return work()  # where no exception is being handled: the script's would come to follow it

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [command.name for command in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for command in COMMANDS:
            if command.name == cmd_name:
                return cast(click.Command, getattr(importlib.import_module(command.module), cmd_name))
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A script in the place of a command is run; of any other word it is said what may be meant."""
        word = args[0]
        if word not in NAMES and not word.startswith("-"):
            from nanwatch.cli.habits import (
                close_to,
                did_you_mean,
                is_script,
                refuse_shell_script,
                say,
                to_be_explained,
            )

            if is_script(word):
                say(f"taken for nanwatch run {word}.")
                return "run", self.get_command(ctx, "run"), args
            refuse_shell_script(word, "run")
            if to_be_explained(word):
                ctx.fail(f"No such command {word!r}. Did you mean nanwatch explain {word}?")
            if near := close_to(word, NAMES):
                ctx.fail(f"No such command {word!r}{did_you_mean(near)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.help) for command in COMMANDS])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NanwatchError as error:
            click.echo(f"nanwatch: {clean(str(error))}", err=True)
            ctx.exit(ExitStatus.FAILED)


def show_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"nanwatch {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=show_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Says why a Keras training broke: which line, how it knows, and what cures it.

    \b
    nanwatch run train.py      instead of: python train.py
    nanwatch explain           says what happened in the newest run
    """
