"""Find a run and read it. Every way it can be missing or damaged has its sentence."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanwatch.errors import NanwatchError, RunNotFound, RunUnreadable
from nanwatch.record.events import EpochBegin, Event, FitEvent, read_events
from nanwatch.record.facts import FitInfo, ModelInfo, RunInfo
from nanwatch.record.fit_files import Reading, read_now, with_fits
from nanwatch.record.notes import OwnError
from nanwatch.record.parts import parts_of, read_unseen
from nanwatch.record.run import EMPTY, Fit, Run
from nanwatch.record.series import Series, read_series
from nanwatch.record.sources import read_sources
from nanwatch.record.tables import from_table
from nanwatch.record.trials import read_trials
from nanwatch.record.untrusted_file import NotAFile, of_one_run, read_json
from nanwatch.record.whole_run import with_parts

FORMAT = 3  # 1 had operands, notes and events in words; 2 the fits and models in run.json, and is read still
OLDEST = 2
RUN_FILE = "run.json"
MOST_FITS = 1000  # that are read, each of which every rule looks at


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
    with of_one_run():
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
    damage: list[str] = []
    info = read_all_info(folder, damage)
    events = by_fit(read_log(folder / "events.jsonl", damage, brief_fits(info)))
    fits = [read_fit(folder, fit, info, events.get(fit.index, ()), damage) for fit in info.fits]
    trials, sources = read_trials(folder, damage), read_sources(folder, damage)
    return Run(info, fits, folder, trials, damage, sources=sources)


def read_all_info(folder: Path, damage: list[str]) -> RunInfo:
    """What is known of the process's run, its fits and models with it.

    Raises:
        RunUnreadable: as `read_run`.
    """
    return add_fits(*read_run_file(folder, damage), folder, damage)


def add_fits(
    info: RunInfo, found: int, folder: Path, damage: list[str], reading: Reading = read_now
) -> RunInfo:
    """``info`` as a ``run.json`` of format ``found`` has it, with the fits and models."""
    return info if found == OLDEST else with_fits(info, folder, damage, reading)


def read_info(folder: Path) -> RunInfo:
    """What ``run.json`` tells: not of the fits, nor of the models. As `read_run` otherwise."""
    return read_run_file(folder)[0]


def read_run_file(folder: Path, damage: list[str] | None = None) -> tuple[RunInfo, int]:
    """``run.json``, and its format."""
    path = folder / RUN_FILE
    try:
        table = read_json(path)
    except NotAFile as error:
        raise RunUnreadable(f"{path} is not a run of nanwatch's: {error}.") from error
    except OSError as error:
        raise RunNotFound(f"No {RUN_FILE} in {folder}: {error.strerror}.") from error
    except ValueError as error:
        raise RunUnreadable(
            f"{path} is not valid JSON: it is cut off, or not written by nanwatch. Run the script again."
        ) from error
    if not isinstance(table, dict) or "nanwatch_format" not in table:
        raise RunUnreadable(f"{path} is not a run of nanwatch: it has no nanwatch_format.")
    check_format(path, table["nanwatch_format"])
    said = [] if damage is None else damage
    leave_out_fits(table, said)
    try:
        info = from_table(RunInfo, table)
    except TypeError as error:
        raise RunUnreadable(f"{path} cannot be read as a run: {error}.") from error
    return with_own_numbers(info, said), table["nanwatch_format"]


def leave_out_fits(table: dict[str, Any], damage: list[str]) -> None:
    """Of very many fits in ``table`` the last ones are left, and that of the incident."""
    fits, incident = table.get("fits"), table.get("incident")
    if not isinstance(fits, list) or len(fits) <= MOST_FITS:
        return
    damage.append(f"{len(fits) - MOST_FITS:,} trainings are more than are read")
    bad = incident.get("fit") if isinstance(incident, dict) else None
    of_incident = [fit for fit in fits[:-MOST_FITS] if isinstance(fit, dict) and fit.get("index") == bad]
    table["fits"] = [*of_incident[:1], *fits[-MOST_FITS:]]


def with_own_numbers(info: RunInfo, damage: list[str]) -> RunInfo:
    """``info`` less the fits whose number another one has, or none can have."""
    fits = {fit.index: fit for fit in info.fits if fit.index >= 0}
    if len(fits) == len(info.fits):
        return info
    damage.append(f"{len(info.fits) - len(fits)} of {len(info.fits)} trainings have no number of their own")
    return replace(info, fits=tuple(fits.values()))


def check_format(path: Path, found: object) -> None:
    if type(found) is not int:
        raise RunUnreadable(f"{path} is not a run of nanwatch: its nanwatch_format is not a number.")
    if found > FORMAT:
        raise RunUnreadable(
            f"{path} has format {found}, newer than the {FORMAT} this nanwatch reads; upgrade nanwatch."
        )
    if found < OLDEST:
        raise RunUnreadable(
            f"{path} has format {found}, older than the {OLDEST} this nanwatch reads; run the script again."
        )


def read_fit(folder: Path, info: FitInfo, run: RunInfo, events: Sequence[FitEvent], damage: list[str]) -> Fit:
    if info.brief:
        return fit_of(info, run, events, EMPTY, EMPTY)
    steps = read_part(folder / f"fit-{info.index}.steps", damage)
    health = read_part(folder / f"fit-{info.index}.health", damage)
    return fit_of(info, run, events, steps, health)


def fit_of(info: FitInfo, run: RunInfo, events: Sequence[FitEvent], steps: Series, health: Series) -> Fit:
    """The training from its parts."""
    known = 0 <= info.model < len(run.models)
    model = run.models[info.model] if known else ModelInfo("unknown", "unknown")
    return Fit(bring_up_to_date(info, steps, events), model, steps, health, tuple(events))


def by_fit(events: Iterable[Event]) -> dict[int, list[FitEvent]]:
    """The events of each fit, by its number."""
    found: dict[int, list[FitEvent]] = {}
    for event in events:
        if not isinstance(event, OwnError):
            found.setdefault(event.fit, []).append(event)
    return found


def bring_up_to_date(info: FitInfo, steps: Series, events: Sequence[FitEvent]) -> FitInfo:
    """``info`` as far as the rows and events have come: its file is replaced more rarely."""
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


def brief_fits(info: RunInfo) -> frozenset[object]:
    return frozenset(fit.index for fit in info.fits if fit.brief)


def read_log(path: Path, damage: list[str], without_epochs: Container[object] = ()) -> list[Event]:
    try:
        return list(read_events(path, without_epochs, damage))
    except OSError as error:
        damage.append(f"{path.name} could not be read: {error.strerror}")
        return []


def read_part(path: Path, damage: list[str]) -> Series:
    try:
        series = read_series(path)
    except FileNotFoundError:
        return EMPTY
    except (ValueError, OSError) as error:
        damage.append(f"{path.name} could not be read: {error}")
        return EMPTY
    if series.misplaced:
        rows = f"{series.misplaced:,} row{'' if series.misplaced == 1 else 's'}"
        damage.append(f"{rows} of {path.name} cannot be what was written there, and were left out")
    return series
