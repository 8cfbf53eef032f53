"""``nanwatch explain FILE``: a log that nanwatch did not write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nanwatch.cli.report_formats import FormatRequest, write_text
from nanwatch.cli.screen import FILE, Screen, screen_of, show, show_utf8
from nanwatch.errors import NanwatchError
from nanwatch.record.read import RUN_FILE

if TYPE_CHECKING:
    from nanwatch.foreign.judge import LogReport
    from nanwatch.foreign.log import Log
    from nanwatch.foreign.script.facts import ScriptFacts

FORMATS = ("terminal", "json", "markdown")
STDIN = "-"
EVENT_FILES = ("*tfevents*", "train/*tfevents*", "*/*tfevents*", "*/train/*tfevents*")


def is_log(place: Path) -> bool:
    """Whether it is a file, stdin, or a folder of event files in which nanwatch has written no run."""
    if str(place) == STDIN or place.is_file() or (place.exists() and not place.is_dir()):
        return True
    if not place.is_dir() or (place / RUN_FILE).exists() or any(place.glob(f"*/{RUN_FILE}")):
        return False
    return any(next(place.glob(pattern), None) for pattern in EVENT_FILES)


def check_no_script(script: Path | None) -> None:
    if script is not None:
        raise click.UsageError(
            "--script goes with a log that nanwatch did not write; a run of its own knows its script."
        )


def explain_log(place: Path, script: Path | None, formats: Sequence[FormatRequest]) -> None:
    """Say what a log shows and which faults fit it, in each of ``formats``."""
    from nanwatch.foreign.judge import judge
    from nanwatch.foreign.reading.read_log import read_log
    from nanwatch.foreign.script.read_script import read_script

    for wanted in formats:
        if wanted.name not in FORMATS:
            raise NanwatchError(
                f"What is suspected of a log is shown as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, "
                f"not as {wanted.name}."
            )
    log = read_log(place)
    found = read_script(script) if script is not None else script_within(place, log)
    report = judge(str(place), log, found)
    for wanted in formats:
        write(report, wanted)


def script_within(place: Path, log: Log) -> ScriptFacts | None:
    """The script that is in the file itself: a post to a forum, a notebook."""
    from nanwatch.foreign.script.read_script import read_script

    if log.kind != "console" or str(place) == STDIN:
        return None
    try:
        found = read_script(place)
    except NanwatchError:  # a log and nothing else
        return None
    return found if found.heads and found.losses else None


def write(report: LogReport, wanted: FormatRequest) -> None:
    if wanted.file is not None:
        write_text(wanted.file, render(report, wanted.name, FILE))
    elif wanted.name == "terminal":
        show(render(report, wanted.name, screen_of(sys.stdout)))
    else:
        show_utf8(render(report, wanted.name, FILE))


def render(report: LogReport, form: str, screen: Screen) -> str:
    if form == "terminal":
        from nanwatch.explain.of_logs import as_terminal

        return as_terminal.render(report, *screen)
    from nanwatch.explain.of_logs import as_json, as_markdown

    renderers: dict[str, Callable[[LogReport], str]] = {
        "json": as_json.render,
        "markdown": as_markdown.render,
    }
    return renderers[form](report)
