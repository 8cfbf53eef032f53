"""What nanwatch says behind a script that has done something to stderr."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from nanwatch.cli.own_stderr import OwnStderr


def test_it_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    OwnStderr().say("a sentence…")
    assert capfd.readouterr().err == "nanwatch: a sentence…\n"


class Collects:
    """Has not all that a stream has."""

    def write(self, text: str) -> None:
        raise AssertionError


@pytest.mark.parametrize("stream", [None, Collects(), io.StringIO()])
def test_an_object_of_the_scripts_own(
    stream: object, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python's own stderr is taken then."""
    with open(os.dup(2), "w", encoding="utf-8") as python:
        monkeypatch.setattr(sys, "__stderr__", python)
        monkeypatch.setattr(sys, "stderr", stream)
        OwnStderr().say("x")
    assert capfd.readouterr().err == "nanwatch: x\n"


def test_there_is_none(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "__stderr__", None)
    OwnStderr().say("x")
    assert capfd.readouterr() == ("", "")


def test_it_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        OwnStderr().say("x")


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_its_number_leads_elsewhere_by_now(kind: str, tmp_path: Path) -> None:
    """A file of the script's own is let alone; what it has been led into is not."""
    said, kept = OwnStderr(), os.dup(2)
    reading, writing = os.pipe()
    opened = os.open(tmp_path / "own.txt", os.O_WRONLY | os.O_CREAT) if kind == "file" else os.dup(writing)
    try:
        os.dup2(opened, 2)
        with open(os.dup(2), "w") as stream, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            said.say("x")
    finally:
        os.dup2(kept, 2)
    for number in (writing, opened, kept):
        os.close(number)
    with open(reading) as pipe:
        assert pipe.read() == ("nanwatch: x\n" if kind == "pipe" else "")
    if kind == "file":
        assert (tmp_path / "own.txt").read_text() == ""


def test_what_it_says_begins_a_line_behind_a_progress_bar(capfd: pytest.CaptureFixture[str]) -> None:
    """On a terminal, where blanks wrap unless the line is empty, and in one stream with stdout."""
    master, slave = pty.openpty()
    with open(slave, "w", encoding="utf-8") as terminal, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "20")
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr", terminal)
        stderr = OwnStderr()
        stderr.say("one")
        stderr.say("two")
        said = ""
        while "two\r\n" not in said:
            said += os.read(master, 1000).decode()
    said = said.replace("\r\n", "\n")
    os.close(master)
    assert said == f"{' ' * 20}\rnanwatch: one\nnanwatch: two\n"


@pytest.mark.parametrize(("halted", "said"), [(True, "\nnanwatch: x\n"), (False, "nanwatch: x\n")])
def test_a_line_is_begun_behind_a_halt_where_both_streams_are_one(halted: bool, said: str) -> None:
    code = (
        "import sys; from nanwatch.cli.own_stderr import OwnStderr; own = OwnStderr(); "
        f"own.behind_halt = {halted}; print('bar', end=''); own.say('x')"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.decode() == f"bar{said}"
    apart = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (apart.stdout, apart.stderr) == (b"bar", b"nanwatch: x\n")
