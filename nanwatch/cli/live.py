"""``nanwatch live``: a running training, followed from another terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nanwatch.cli.alive import is_gone
from nanwatch.cli.screen import screen_of, show
from nanwatch.cli.telling import choice_of, choice_options
from nanwatch.errors import NanwatchError
from nanwatch.exit_status import ExitStatus
from nanwatch.record.follow import Follower
from nanwatch.record.read import RUN_FILE, age_key, find_run, read_info
from nanwatch.record.run import Run

if TYPE_CHECKING:
    from nanwatch.diagnose.accepted import Choice

REFRESH = 0.25  # seconds
LINE_EVERY = 5.0  # seconds between two lines where the output is no terminal
# run.json is written every 10 s while a training goes on; after this long its process is not merely out
# of sight, as one in a container is.
ABANDONED = 30.0  # seconds
SHARE = 0.1  # of its time that it may spend reading: the rest belongs to the training
SLOWEST = 3.0  # seconds between two readings, at most
UNREADABLE = 5.0  # seconds for which a record may be unreadable: it may lie on a slow disk


@click.command()
@click.argument("logs", default="logs", type=click.Path(path_type=Path))
@choice_options
def live(logs: Path, select: str | None, ignore: str | None, baseline: Path | None) -> None:
    """Follow a running training from another terminal, until it ends.

    LOGS is a run folder, or a folder of runs: then the newest run that is still running is taken
    ("logs" if it is not given). If none is running, nanwatch waits for the next one. It shows steps,
    loss, gradient norm, learning rate, the layers that look worst, and when the training will probably
    end; then what happened.
    """
    choice = choice_of(select, ignore, baseline)
    try:
        run, gone = follow_on_screen(logs)
    except KeyboardInterrupt:
        show("Stopped following; the training goes on.\n")
        sys.exit(ExitStatus.INTERRUPTED)
    show_end(run, gone, choice)


def follow_on_screen(logs: Path) -> tuple[Run, bool]:
    """Show the run until it ends: how it was at last, and whether its process is gone."""
    follower = Follower(await_run(logs))
    if not sys.stdout.isatty():
        return follow(follower, lambda run, idle: say(run), LINE_EVERY)
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from nanwatch.explain.as_live import render_frame

    screen = screen_of(sys.stdout)
    console = Console(no_color=not screen.color, highlight=False, markup=False, emoji=False)
    with Live(console=console, screen=True, auto_refresh=False) as painted:

        def paint(run: Run, idle: float) -> None:
            width, height = console.size
            shown = render_frame(run, width, height, screen.color, screen.unicode, idle)
            painted.update(Text.from_ansi(shown, no_wrap=True, overflow="crop"), refresh=True)

        return follow(follower, paint, REFRESH)


def await_run(logs: Path) -> Path:
    """The run's folder: ``logs`` itself, or the newest run below it that goes on; waits for one.

    Raises:
        RunNotFound: ``logs`` is no folder, or cannot be looked into.
    """
    if (logs / RUN_FILE).is_file():
        return logs
    over: set[Path] = set()
    told = False
    while True:
        if logs.exists() and not logs.is_dir():
            return find_run(logs)  # which says what there is instead
        for folder in newest_first(logs):
            if folder not in over and is_over(folder):
                over.add(folder)
            if folder not in over:
                return folder
        if not told:
            show(waiting_words(logs, bool(over)))
            told = True
        time.sleep(REFRESH)


def newest_first(logs: Path) -> list[Path]:
    try:
        return sorted((found.parent for found in logs.glob(f"*/{RUN_FILE}")), key=age_key, reverse=True)
    except OSError:  # one of them is being deleted
        return []


def is_over(folder: Path) -> bool:
    """Whether the run has ended, or its process is gone and has been for a while."""
    try:
        info = read_info(folder)
        idle = time.time() - (folder / RUN_FILE).stat().st_mtime
    except (NanwatchError, OSError):
        return True
    return info.status != "running" or (idle > ABANDONED and is_gone(info.pid, idle))


def waiting_words(logs: Path, any_over: bool) -> str:
    if any_over:
        return (
            f"No run in {logs} is running (`nanwatch explain` shows the newest); "
            "waiting for `nanwatch run SCRIPT`.\n"
        )
    if not logs.exists():
        return f"There is no folder {logs} yet; waiting for `nanwatch run SCRIPT`.\n"
    return f"No run in {logs} yet; waiting for `nanwatch run SCRIPT`.\n"


def follow(follower: Follower, tell: Callable[[Run, float], None], every: float) -> tuple[Run, bool]:
    """Read and ``tell`` until the run has ended: the run, and whether its process is gone."""
    changed_at = good_at = time.monotonic()
    told_at = -every
    while True:
        began = time.monotonic()
        try:
            run = follower.read()
        except NanwatchError:
            if began - good_at > UNREADABLE:
                raise
            time.sleep(REFRESH)
            continue
        good_at = began
        if follower.changed:
            changed_at = began
        idle = began - changed_at
        if run.info.status != "running":
            return run, False
        if is_gone(run.info.pid, idle):
            run = follower.read()  # it may have written its end before it went
            return run, run.info.status == "running"
        if began - told_at >= every:
            tell(run, idle)
            told_at = began
        took = time.monotonic() - began
        time.sleep(min(max(REFRESH, took * (1 / SHARE - 1)), SLOWEST))


def say(run: Run) -> None:
    from nanwatch.explain.as_live import plain_line

    show(plain_line(run) + "\n")


def show_end(run: Run, gone: bool, choice: Choice) -> None:
    from nanwatch.cli.report_formats import project_root
    from nanwatch.explain.as_live_end import render_end
    from nanwatch.explain.reporting import report_of

    if gone:
        run = replace(run, info=replace(run.info, status="killed"))
    show(render_end(report_of(run, choice, project_root()), *screen_of(sys.stdout), is_gone=gone))
