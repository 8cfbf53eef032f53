"""What people type out of habit, and mean: each is done, or answered in one line that says what to type."""

from __future__ import annotations

import difflib
import importlib.machinery
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from nanwatch.errors import NanwatchError, ScriptNotFound

PYTHON = re.compile(r"(?:python|python3|python3\.\d+|py)(?:\.exe)?$")
SCRIPTS = (".py", ".ipynb")
SHELL = (".sh", ".bash", ".zsh")
IN_SHELL = re.compile(r"\bpython[\d.]*\s+((?:-m\s+)?[^\s;&|]+[^;&|\n]*)")
MOST_READ = 2**20  # bytes of a script that is looked through for an option's name
ALIKE = 0.75  # how like a word must be to be what was meant: one letter wrong, left out, or two swapped


class Wanted(NamedTuple):
    """A script or module, and its arguments."""

    module: str | None
    given: tuple[str, ...]


def without_python(given: Sequence[str], command: str) -> Wanted:
    """``python train.py`` is ``train.py``, unless there is a script by the name of python.

    Raises:
        NanwatchError: python has options of its own, or is another one than this.
    """
    word = given[0] if given else ""
    name = os.path.basename(word)
    if not PYTHON.fullmatch(name) or len(given) < 2 or os.path.isfile(name):
        return Wanted(None, tuple(given))
    rest = given[1:]
    folder = os.path.dirname(word)
    if folder and os.path.realpath(folder) != os.path.realpath(os.path.dirname(sys.executable)):
        raise NanwatchError(
            f"The script runs in the Python of nanwatch, {sys.executable}; to have it in {word}, install "
            f"nanwatch there and type {word} -m nanwatch {command} {shlex.join(rest)}."
        )
    if rest[0] == "-m" and len(rest) > 1:
        found = Wanted(rest[1], tuple(rest[2:]))
    elif rest[0].startswith("-") and rest[0] != "-":
        raise NanwatchError(
            f"Options of Python's stand in front: python {rest[0]} -m nanwatch {command} "
            f"{shlex.join(rest[1:])}."
        )
    else:
        found = Wanted(None, tuple(rest))
    say(f"{word} is left out; nanwatch {command} {shlex.join(rest)} is the same.")
    return found


def is_script(word: str) -> bool:
    return word.endswith(SCRIPTS) and os.path.exists(word)


def to_be_explained(word: str) -> bool:
    """Whether it is a run, or a log."""
    return os.path.exists(word)


def say(sentence: str) -> None:
    click.echo(f"nanwatch: {sentence}", err=True)


def refuse_shell_script(script: str, command: str) -> None:
    """Raises `NanwatchError` for a shell script, with what to write in it."""
    if not script.endswith(SHELL) or not os.path.isfile(script):
        return
    started = IN_SHELL.search(read_start(script))
    line = started[1].strip() if started else "train.py"
    raise NanwatchError(
        f"{script} is a shell script, and nanwatch runs Python; "
        f"write nanwatch {command} {line} in it, in the place of python {line}."
    )


def refuse_notebook(script: Path) -> None:
    """Raises `NanwatchError` for a notebook, of which no line is changed by `nanwatch fix`."""
    if script.suffix == ".ipynb":
        raise NanwatchError(
            f"{script} is a notebook, and only scripts are changed; nanwatch run {shlex.quote(str(script))} "
            "shows what to change in which cell."
        )


def read_start(script: str) -> str:
    try:
        with open(script, encoding="utf-8", errors="replace") as file:
            return file.read(MOST_READ)
    except OSError:
        return ""


def tell_of_misplaced(command: click.Command, name: str, given: Sequence[str]) -> None:
    """A line on options of nanwatch's behind the script, unless that speaks of such a one itself."""
    own = {option for each in command.params for option in each.opts if option.startswith("--")}
    own -= {"--help"}
    found = [word for word in given[1:] if word.partition("=")[0] in own]
    if not found or not given[0].endswith(SCRIPTS):
        return
    text = read_start(given[0])
    for word in found:
        option = word.partition("=")[0]
        spelled = option.removeprefix("--")
        if spelled not in text and spelled.replace("-", "_") not in text:
            say(
                f"{option} behind {given[0]} is given to the script; nanwatch's own options stand before it, "
                f"as in nanwatch {name} {example(command, option, given)}{given[0]}."
            )


def example(command: click.Command, option: str, given: Sequence[str]) -> str:
    """The option as it was typed, with its value."""
    found = next(each for each in command.params if option in each.opts)
    at = next(place for place, word in enumerate(given) if word.partition("=")[0] == option)
    if "=" in given[at] or (isinstance(found, click.Option) and found.is_flag):
        return f"{given[at]} "
    return f"{shlex.join(given[at : at + 2])} "


def check_module(module: str) -> None:
    """Raises `ScriptNotFound` where ``python -m`` could not find the module; nothing is imported."""
    if module.endswith(SCRIPTS) and os.path.isfile(module):
        raise ScriptNotFound(f"{module} is a script; give it without -m, which takes the name of a module.")
    top = module.partition(".")[0]
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return
    if importlib.machinery.PathFinder.find_spec(top, [os.getcwd(), *sys.path]) is not None:
        return
    for finder in sys.meta_path:
        try:
            if finder.find_spec(top, None) is not None:
                return
        except Exception:  # a finder of somebody else's
            return
    near = close_to(top, (each.stem for each in Path.cwd().glob("*.py")))
    raise ScriptNotFound(
        f"There is no module {top} in {os.getcwd()} or among what is installed{did_you_mean(near)}; "
        "-m takes a name with dots, as in package.train, seen from the folder that holds the package."
    )


def close_to(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    return difflib.get_close_matches(word.lower(), list(known), n=most, cutoff=ALIKE)


def did_you_mean(near: Sequence[str]) -> str:
    return f" (did you mean {' or '.join(near)}?)" if near else ""
