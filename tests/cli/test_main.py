"""The command itself: its help, its version, and what it does with an error."""

from __future__ import annotations

import re
import sys
import types

import click
import pytest
from click.testing import CliRunner

from nanwatch.cli import table
from nanwatch.cli.main import main
from nanwatch.errors import RunNotFound


def test_the_help_lists_the_table() -> None:
    result = CliRunner().invoke(main, ["--help"], prog_name="nanwatch")
    assert result.exit_code == 0
    for command in table.COMMANDS:
        assert re.search(rf"^  {command.name} +{re.escape(command.help)}$", result.stdout, re.MULTILINE)


def test_the_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert re.fullmatch(r"nanwatch \d+\.\d+\.\d+\S*\n", result.stdout)


@pytest.mark.parametrize("arguments", [["explode"], ["--colour"]])
def test_usage_errors(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments, prog_name="nanwatch")
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: nanwatch [OPTIONS] COMMAND")


def test_every_command_of_the_reading_half_is_where_the_table_says() -> None:
    for name in ("explain", "rule"):
        command = main.get_command(click.Context(main), name)
        assert isinstance(command, click.Command)
        assert command.name == name


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A command `explain` that raises the error put into its module."""
    module = types.ModuleType("nanwatch.cli.explain")

    @click.command()
    def explain() -> None:
        raise module.error

    module.explain = explain  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nanwatch.cli.explain", module)
    return module


def test_an_error_of_ours_is_one_line_and_status_2(failing: types.ModuleType) -> None:
    failing.error = RunNotFound("There is none.")  # type: ignore[attr-defined]
    result = CliRunner().invoke(main, ["explain"])
    assert (result.exit_code, result.stderr, result.stdout) == (2, "nanwatch: There is none.\n", "")


def test_another_error_is_not_dressed_as_ours(failing: types.ModuleType) -> None:
    failing.error = KeyError("x")  # type: ignore[attr-defined]
    result = CliRunner().invoke(main, ["explain"])
    assert isinstance(result.exception, KeyError)
    assert result.stderr == ""
