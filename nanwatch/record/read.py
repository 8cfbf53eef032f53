"""Find a run and read it. Every way it can be missing or damaged has its sentence."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nanwatch.errors import NanwatchError, RunNotFound, RunUnreadable
from nanwatch.record import strict_json
from nanwatch.record.events import EpochBegin, Event, FitEvent, read_events
from nanwatch.record.facts import FitInfo, ModelInfo, RunInfo
from nanwatch.record.notes import OwnError
from nanwatch.record.parts import parts_of, read_unseen
from nanwatch.record.run import EMPTY, Fit, Run
from nanwatch.record.series import Series, read_series
from nanwatch.record.tables import from_table
from nanwatch.record.trials import read_trials
from nanwatch.record.whole_run import with_parts

FORMAT = 2  # 1 had operands, notes and events in words
RUN_FILE = "run.json"


def find_run(place: Path) -> Path:
    """``place`` itself if it is a run folder, else the newest run folder below it.

    Raises:
        RunNotFound: there is no such folder, or no run in it.
    """
    try:
        return run_at(place)
    except OSError as error:
        raise RunNotFound(f"{place} cannot be read: {error.strerror}.") from error


def run_at(place: Path) -> Path:
    if not place.exists():
        raise RunNotFound(
            f"There is no folder {place}; `nanwatch run SCRIPT` writes one "
            "(logs/ unless --log-dir says otherwise)."
        )
    if not place.is_dir():
        raise RunNotFound(f"{place} is a file; give a run folder, or the folder with the runs.")
    if (place / RUN_FILE).is_file():
        return place
    runs = [entry.parent for entry in place.glob(f"*/{RUN_FILE}")]
    if not runs:
        raise RunNotFound(
            f"No run in {place}: no folder below it has a {RUN_FILE}; `nanwatch run SCRIPT` writes one."
        )
    return max(runs, key=age_key)


def age_key(folder: Path) -> tuple[float, float, str]:
    """What orders runs by age: when it was made, then when its record was last written."""
    written = (folder / RUN_FILE).stat().st_mtime
    try:
        made = datetime.datetime.strptime(folder.name[:16], "%Y%m%dT%H%M%SZ")
    except ValueError:  # a folder that was given another name
        return written, written, folder.name
    return made.replace(tzinfo=datetime.UTC).timestamp(), written, folder.name


def read_run(folder: Path) -> Run:
    """The run in ``folder``, with its parts. What is damaged is left out and named in ``Run.damage``.

    Raises:
        RunUnreadable: ``run.json`` is cut short, not nanwatch's, or of another format.
    """
    return read_whole(folder, read_process)


def read_whole(folder: Path, read: Callable[[Path], Run]) -> Run:
    """The run of several processes, of which ``read`` reads each by its folder."""
    own = read(folder)
    parts, damage = [], []
    for place in parts_of(folder):
        try:
            parts.append(read(place))
        except NanwatchError as error:
            damage.append(f"{place.name} could not be read: {str(error).rstrip('.')}")
    return with_parts(own, parts, tuple(read_unseen(folder)), damage)


def read_process(folder: Path) -> Run:
    """What one process has written into ``folder``."""
    info = read_info(folder)
    damage: list[str] = []
    events = read_log(folder / "events.jsonl", damage)
    fits = [read_fit(folder, fit, info, events, damage) for fit in info.fits]
    return Run(info, fits, folder, read_trials(folder, damage), damage)


def read_info(folder: Path) -> RunInfo:
    path = folder / RUN_FILE
    try:
        table = strict_json.loads(path.read_bytes())
    except OSError as error:
        raise RunNotFound(f"No {RUN_FILE} in {folder}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise RunUnreadable(
            f"{path} is not valid JSON: it is cut off, or not written by nanwatch. Run the script again."
        ) from error
    if not isinstance(table, dict) or "nanwatch_format" not in table:
        raise RunUnreadable(f"{path} is not a run of nanwatch: it has no nanwatch_format.")
    check_format(path, table["nanwatch_format"])
    try:
        return from_table(RunInfo, table)
    except TypeError as error:
        raise RunUnreadable(f"{path} cannot be read as a run: {error}.") from error


def check_format(path: Path, found: object) -> None:
    if type(found) is not int:
        raise RunUnreadable(f"{path} is not a run of nanwatch: its nanwatch_format is not a number.")
    if found > FORMAT:
        raise RunUnreadable(
            f"{path} has format {found}, newer than the {FORMAT} that nanwatch reads; upgrade nanwatch."
        )
    if found < FORMAT:
        raise RunUnreadable(
            f"{path} has format {found}, older than the {FORMAT} that nanwatch reads; run the script again."
        )


def read_fit(folder: Path, info: FitInfo, run: RunInfo, events: list[Event], damage: list[str]) -> Fit:
    steps = read_part(folder / f"fit-{info.index}.steps", damage)
    health = read_part(folder / f"fit-{info.index}.health", damage)
    return fit_of(info, run, events, steps, health)


def fit_of(info: FitInfo, run: RunInfo, events: list[Event], steps: Series, health: Series) -> Fit:
    """The training from its parts."""
    model = run.models[info.model] if info.model < len(run.models) else ModelInfo("unknown", "unknown")
    own = tuple(event for event in events if not isinstance(event, OwnError) and event.fit == info.index)
    return Fit(bring_up_to_date(info, steps, own), model, steps, health, own)


def bring_up_to_date(info: FitInfo, steps: Series, events: tuple[FitEvent, ...]) -> FitInfo:
    """``info`` as far as the rows and events have come: run.json is replaced more rarely."""
    rows = steps.values("time")
    if not rows:
        return info
    last, seconds = rows[-1]
    epochs = [event.epoch + 1 for event in events if isinstance(event, EpochBegin)]
    return replace(
        info,
        steps=max(info.steps, last + 1),
        seconds=max(info.seconds, seconds),
        epochs=max([info.epochs, *epochs]),
    )


def read_log(path: Path, damage: list[str]) -> list[Event]:
    try:
        return list(read_events(path))
    except OSError as error:
        damage.append(f"{path.name} could not be read: {error.strerror}")
        return []


def read_part(path: Path, damage: list[str]) -> Series:
    if not path.exists():
        return EMPTY
    try:
        return read_series(path)
    except (ValueError, OSError) as error:
        damage.append(f"{path.name} could not be read: {error}")
        return EMPTY
