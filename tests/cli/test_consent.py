"""The script that a record names is run only when somebody has said so."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nanwatch.cli.consent import NotAllowed, ask_to_run
from nanwatch.replay.script_again import ScriptAgain

WANTED = ScriptAgain("train.py", ("--name", "a b\x1b[31m"), Path("/p"))


def asked(answer: str, monkeypatch: pytest.MonkeyPatch, wanted: ScriptAgain = WANTED) -> str:
    """What was said on stderr."""

    @click.command()
    def command() -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        ask_to_run(wanted, False)
        click.echo("it runs")

    done = CliRunner().invoke(command, input=answer)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stderr + done.stdout


def test_without_a_terminal_yes_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(NotAllowed) as caught:
        ask_to_run(WANTED, False)
    assert str(caught.value) == (
        "This would run the script that the record names, /p/train.py --name 'a b[31m', from /p; "
        "add --yes if that may be run."
    )


def test_with_yes_it_is_said_and_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    ask_to_run(WANTED, True)
    assert capsys.readouterr().err == (
        "nanwatch: the script that the record names is run again: /p/train.py --name 'a b[31m', from /p.\n"
    )


def test_where_the_folder_is_another_the_reason_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    ask_to_run(ScriptAgain("train.py", (), Path("/p"), "/q is not there any more"), True)
    assert capsys.readouterr().err == (
        "nanwatch: the script that the record names is run again: /p/train.py, from /p "
        "(/q is not there any more).\n"
    )


def test_a_yes_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = asked("y\n", monkeypatch)
    assert "Run it? [y/N]: " in said
    assert "it runs" in said


@pytest.mark.parametrize("answer", ["\n", "n\n"])
def test_anything_else_does_not(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed, match=r"^The script was not run\.$"):
        asked(answer, monkeypatch)
