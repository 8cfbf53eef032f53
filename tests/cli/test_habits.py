"""What people type out of habit: done, or answered in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from nanwatch.cli import habits
from nanwatch.cli.check import check
from nanwatch.cli.main import main
from nanwatch.cli.run import run
from nanwatch.errors import NanwatchError, ScriptNotFound


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print('trained')\n")
    return tmp_path


def nanwatch(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="nanwatch", env={"COLUMNS": None})


@pytest.mark.parametrize(
    ("given", "module", "rest"),
    [
        (("python", "train.py", "-x"), None, ("train.py", "-x")),
        (("python3.11", "train.py"), None, ("train.py",)),
        (("python", "-m", "package.train", "-x"), "package.train", ("-x",)),
        ((sys.executable, "train.py"), None, ("train.py",)),
    ],
)
def test_python_is_left_out(
    given: tuple[str, ...], module: str | None, rest: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert habits.without_python(given, "run") == (module, rest)
    typed = " ".join(given[1:])
    assert capsys.readouterr().err == f"nanwatch: {given[0]} is left out; nanwatch run {typed} is the same.\n"


@pytest.mark.parametrize("given", [("train.py", "python"), ("python",), (), ("pythonic.py", "x")])
def test_what_is_no_python_stays(given: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert habits.without_python(given, "run") == (None, given)
    assert capsys.readouterr().err == ""


def test_a_script_by_the_name_of_python_is_run(project: Path) -> None:
    (project / "python").write_text("")
    assert habits.without_python(("python", "train.py"), "run") == (None, ("python", "train.py"))


def test_python_with_options_of_its_own_and_another_python() -> None:
    with pytest.raises(NanwatchError) as options:
        habits.without_python(("python", "-u", "train.py"), "run")
    assert str(options.value) == "Options of Python's stand in front: python -u -m nanwatch run train.py."
    with pytest.raises(
        NanwatchError, match=r"to have it in /opt/other/bin/python, install nanwatch there and type "
    ):
        habits.without_python(("/opt/other/bin/python", "train.py"), "run")


def test_a_shell_script(project: Path) -> None:
    (project / "go.sh").write_text("#!/bin/sh\nset -e\nCUDA=0 python3 train.py --epochs 3 && echo done\n")
    sentence = (
        "nanwatch: go.sh is a shell script, and nanwatch runs Python; "
        "write nanwatch {} train.py --epochs 3 in it, "
        "in the place of python train.py --epochs 3.\n"
    )
    for arguments, command in ((("run", "go.sh"), "run"), (("check", "go.sh"), "check"), (("go.sh",), "run")):
        result = nanwatch(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == sentence.format(command)


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        (
            check,
            ("train.py", "--max-steps", "100"),
            "nanwatch: --max-steps behind train.py is given to the script; "
            "nanwatch's own options stand before it, "
            "as in nanwatch check --max-steps 100 train.py.\n",
        ),
        (
            run,
            ("train.py", "--log-dir=x"),
            "nanwatch: --log-dir behind train.py is given to the script; "
            "nanwatch's own options stand before it, "
            "as in nanwatch run --log-dir=x train.py.\n",
        ),
        (
            run,
            ("train.py", "a", "--quiet", "b"),
            "nanwatch: --quiet behind train.py is given to the script; "
            "nanwatch's own options stand before it, "
            "as in nanwatch run --quiet train.py.\n",
        ),
        (run, ("train.py", "--epochs", "3", "--help"), ""),
        (run, ("train.py", "--max-steps", "3"), ""),  # of check alone
        (run, ("train.py",), ""),
    ],
)
def test_options_behind_the_script(
    command: click.Command, given: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    habits.tell_of_misplaced(command, command.name or "", given)
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("text", ["add_argument('--log-dir')", "flags.DEFINE_string('log_dir', '', '')"])
def test_an_option_that_the_script_has_too_is_its_own(
    project: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "train.py").write_text(text)
    habits.tell_of_misplaced(run, "run", ("train.py", "--log-dir", "x"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("explian", "No such command 'explian' (did you mean explain?)"),
        ("chek", "No such command 'chek' (did you mean check?)"),
        ("train.log", "No such command 'train.log'. Did you mean nanwatch explain train.log?"),
        ("explode", "No such command 'explode'."),
    ],
)
def test_a_word_that_is_no_command(project: Path, word: str, said: str) -> None:
    (project / "train.log").write_text("Epoch 1/1\n")
    result = nanwatch(word)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {said}"


def test_a_script_in_the_place_of_a_command_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    context = click.Context(main, info_name="nanwatch")
    name, command, arguments = main.resolve_command(context, ["train.py", "--epochs", "3"])
    assert (name, command, arguments) == ("run", run, ["train.py", "--epochs", "3"])
    monkeypatch.setattr(Path, "exists", lambda self: False)
    with pytest.raises(click.UsageError, match=r"No such command 'gone\.py'"):
        main.resolve_command(context, ["gone.py"])


def test_a_module_that_is_not_there(project: Path) -> None:
    with pytest.raises(ScriptNotFound) as gone:
        habits.check_module("trian.fast")
    assert str(gone.value) == (
        f"There is no module trian in {project} or among what is installed (did you mean train?); "
        "-m takes a name with dots, as in package.train, seen from the folder that holds the package."
    )
    with pytest.raises(
        ScriptNotFound, match=r"^train\.py is a script; give it without -m, which takes the name"
    ):
        habits.check_module("train.py")


@pytest.mark.parametrize("module", ["train", "json.tool", "this", "click", "timeit"])
def test_a_module_that_is_there(module: str) -> None:
    habits.check_module(module)


def test_a_module_is_not_imported_to_be_found(project: Path) -> None:
    (project / "package").mkdir()
    (project / "package" / "__init__.py").write_text("raise SystemExit('imported')")
    habits.check_module("package.gone")


def test_a_notebook_is_not_fixed(project: Path) -> None:
    (project / "a.ipynb").write_text(json.dumps({"cells": [], "nbformat": 4}))
    result = nanwatch("fix", "a.ipynb")
    assert result.exit_code == 2
    assert result.stderr == (
        "nanwatch: a.ipynb is a notebook, and only scripts are changed; "
        "nanwatch run a.ipynb shows what to change "
        "in which cell.\n"
    )
