"""Whose line it is: the user's, or a package's, Python's, nanwatch's."""

from __future__ import annotations

import json
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import nanwatch
from nanwatch.record.facts import Location
from nanwatch.watch.launch import user_lines

PURELIB = sysconfig.get_paths()["purelib"]


@pytest.mark.parametrize(
    "filename",
    [
        __file__,
        "train.py",
        "/home/me/site/train.py",
        "/home/me/my-site-packages/train.py",
        "<ipython-input-3-aa>",
    ],
)
def test_the_users(filename: str) -> None:
    assert user_lines.is_users(filename)


@pytest.mark.parametrize(
    "filename",
    [
        json.__file__,
        click.__file__,
        nanwatch.__file__,
        user_lines.__file__,
        f"{PURELIB}/keras/src/layers/layer.py",
        "/usr/lib/python3/dist-packages/numpy/core.py",
        "/home/me/.local/lib/python3.11/site-packages/keras/layers.py",
        "/tmp/__autograph_generated_file8a7.py",
        "<string>",
        "<frozen runpy>",
    ],
)
def test_not_the_users(filename: str) -> None:
    assert not user_lines.is_users(filename)


def test_the_standard_library_through_a_link(tmp_path: Path) -> None:
    """A virtual environment reaches Python's own code by a link."""
    assert not user_lines.is_users(str(Path(json.__file__).resolve()))


def called_from(filename: str) -> Callable[[Callable[[], Any]], Any]:
    """A function that stands in ``filename`` and calls what it is given."""
    space: dict[str, Any] = {}
    exec(compile("def call(f):\n    return f()\n", filename, "exec"), space)
    call: Callable[[Callable[[], Any]], Any] = space["call"]
    return call


def test_the_innermost_line_of_the_user() -> None:
    library: Callable[[Callable[[], Location | None]], Location | None] = called_from(json.__file__)

    def ask() -> Location | None:
        return library(lambda: user_lines.line_here(sys._getframe(1)))  # a frame of the library

    found = ask()
    line = ask.__code__.co_firstlineno + 1
    code = "return library(lambda: user_lines.line_here(sys._getframe(1)))  # a frame of the library"
    assert found == Location(__file__, line, code)


def test_the_frames_of_the_user() -> None:
    frame = called_from(json.__file__)(lambda: sys._getframe(1))
    assert next(user_lines.user_frames(frame)).f_code.co_name == "test_the_frames_of_the_user"
    assert list(user_lines.user_frames(None)) == []


def test_a_relative_file_is_told_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.py").write_text("one = 1\n   two = 2   \n")
    monkeypatch.chdir(tmp_path)
    assert user_lines.line_at("train.py", 2) == Location(str(tmp_path / "train.py"), 2, "two = 2")


def test_a_line_that_is_not_there() -> None:
    assert user_lines.line_at("/no/such/file.py", 7) == Location("/no/such/file.py", 7, "")


class Thing:
    pass


class Slotted:
    __slots__ = ("a",)


def test_what_was_marked_is_known() -> None:
    thing = Thing()
    user_lines.mark_line(thing)
    found = user_lines.line_of(thing)
    assert found is not None
    assert (found.file, found.code) == (__file__, "user_lines.mark_line(thing)")
    assert user_lines.line_of(Thing()) is None


@pytest.mark.parametrize("thing", [Slotted(), 3, None, "text"])
def test_what_cannot_be_marked_stays_as_it_is(thing: object) -> None:
    user_lines.mark_line(thing)
    assert user_lines.line_of(thing) is None


def sent(script: Path, monkeypatch: pytest.MonkeyPatch) -> types.FunctionType:
    """The first function of ``script`` as cloudpickle brings it to a worker of joblib's: without its file."""
    monkeypatch.setattr(user_lines.Sender, "script", str(script))
    module = compile(script.read_text(), str(script), "exec")
    code = next(each for each in module.co_consts if isinstance(each, types.CodeType))
    return types.FunctionType(code.replace(co_filename=user_lines.SENT), {"sys": sys})


def test_a_function_that_was_sent_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "train.py"
    script.write_text("import sys\n\n\n@decorated\n@twice\ndef train():\n    return sys._getframe()\n")
    frame = sent(script, monkeypatch)()
    found = user_lines.line_here(frame)
    assert found is not None
    assert (found.file, found.line, found.code) == (str(script), 7, "return sys._getframe()")


def test_a_function_that_is_not_in_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was sent from another file: its line is not known."""
    script = tmp_path / "train.py"
    script.write_text("def build():\n    return sys._getframe()\n")
    frame = sent(script, monkeypatch)()
    other = tmp_path / "other.py"
    other.write_text("print(1)\n")
    monkeypatch.setattr(user_lines.Sender, "script", str(other))
    assert user_lines.file_of(frame.f_code) == user_lines.SENT
    monkeypatch.setattr(user_lines.Sender, "script", None)
    assert user_lines.file_of(frame.f_code) == user_lines.SENT
