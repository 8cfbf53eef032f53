"""The files of the fits of a run and of their models: one each, and a line for a fit kept in short."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from nanwatch.record import strict_json
from nanwatch.record.facts import FitInfo, ModelInfo, RunInfo
from nanwatch.record.kept_file import KeptFile
from nanwatch.record.tables import from_table, to_table
from nanwatch.record.untrusted_file import JSON_BYTES, read_json, read_text

SHORT_FILE = "fits.jsonl"
SHORT_LIMIT = 4 * 2**20  # bytes: some 10,000 fits; of what comes behind them the numbers alone are known
NAME = re.compile(r"(fit|model)-(\d{1,9})\.json")
MOST_IN_FULL = 1000  # fits and models each, that are read: of a whole record there are about 50
NO_MODEL = -1  # the model of a fit that is kept in short and whose model is not any more

T = TypeVar("T")


def fit_file(number: int) -> str:
    return f"fit-{number}.json"


def model_file(number: int) -> str:
    return f"model-{number}.json"


def in_short(info: FitInfo) -> FitInfo:
    """What is kept of a fit that gives up its room: how it ended, and not how it went."""
    return FitInfo(
        info.index,
        info.kind,
        info.model,
        info.status,
        info.steps,
        info.epochs,
        location=info.location,
        error=info.error,
        seconds=info.seconds,
        watch_seconds=info.watch_seconds,
        cut_short=info.cut_short,
        unwatched_from=info.unwatched_from,
        brief=True,
    )


@dataclass
class FitFiles:
    """The writing side. What is written for a fit costs the same however many came before it."""

    folder: Path
    lines: KeptFile | None = None
    written: int = field(default=0)  # bytes of lines

    def save_fit(self, info: FitInfo) -> None:
        strict_json.replace_file(self.folder / fit_file(info.index), to_table(info))

    def save_model(self, number: int, info: ModelInfo) -> None:
        strict_json.replace_file(self.folder / model_file(number), to_table(info))

    def shorten(self, info: FitInfo) -> None:
        """From now on a line is all there is of the fit. A kill in between leaves both, which is no harm."""
        line = strict_json.dumps(to_table(in_short(info))).encode() + b"\n"
        if self.written + len(line) <= SHORT_LIMIT:
            if self.lines is None:
                self.lines = KeptFile(self.folder / SHORT_FILE)
            self.written += self.lines.write(line)
        (self.folder / fit_file(info.index)).unlink(missing_ok=True)

    def drop_model(self, number: int) -> None:
        (self.folder / model_file(number)).unlink(missing_ok=True)

    def close(self) -> None:
        if self.lines is not None:
            self.lines.close()


class Reading(Protocol):
    """Gives what ``read`` does of the file ``name``, or what it gave when that was as it is now."""

    def __call__(self, name: str, read: Callable[[], T], /) -> T: ...


def read_now(name: str, read: Callable[[], T], /) -> T:
    return read()


def with_fits(info: RunInfo, folder: Path, damage: list[str], reading: Reading = read_now) -> RunInfo:
    """``info``, which stands in ``run.json``, with its fits and their models, which do not.

    One that cannot be read is left out, and named in ``damage``.
    """
    names = sorted(numbered(folder, damage))
    models: dict[int, ModelInfo] = {}
    fits: dict[int, FitInfo] = {}
    if os.path.exists(folder / SHORT_FILE):
        short, said = reading(SHORT_FILE, functools.partial(read_short, folder / SHORT_FILE))
        fits |= short
        damage += said
    for kind, number, name in names:
        table, said = reading(name, functools.partial(read_one, folder / name, kind))
        damage += said
        if isinstance(table, ModelInfo):
            models[number] = table
        elif isinstance(table, FitInfo):
            fits[number] = replace(table, index=number)
    places = {number: place for place, number in enumerate(models)}
    found = tuple(with_model(fits[number], places) for number in sorted(fits))
    return replace(info, models=tuple(models.values()), fits=found)


def with_model(info: FitInfo, places: Mapping[int, int]) -> FitInfo:
    """``info`` with the place of its model where it had its number."""
    place = places.get(info.model, NO_MODEL)
    return info if place == info.model else replace(info, model=place)  # which takes its time, of thousands


def numbered(folder: Path, damage: list[str]) -> Iterator[tuple[str, int, str]]:
    """The kind, number and name of the file of each fit and model."""
    found: dict[str, list[tuple[int, str]]] = {"fit": [], "model": []}
    try:
        for entry in os.scandir(folder):
            match = NAME.fullmatch(entry.name)
            if match is not None:
                found[match[1]].append((int(match[2]), entry.name))
    except OSError as error:
        damage.append(f"the fits could not be read: {error.strerror}")
    for kind, files in found.items():
        if len(files) > MOST_IN_FULL:
            more = len(files) - MOST_IN_FULL
            damage.append(f"{more} {kind}{' is' if more == 1 else 's are'} more than are read")
        for number, name in sorted(files)[-MOST_IN_FULL:]:
            yield kind, number, name


def read_one(path: Path, kind: str) -> tuple[FitInfo | ModelInfo | None, list[str]]:
    """What the file of a fit or model holds, and what is wrong with it."""
    try:
        table = read_json(path)
        return from_table(FitInfo, table) if kind == "fit" else from_table(ModelInfo, table), []
    except FileNotFoundError:  # it was given up since the folder was listed
        return None, []
    except OSError as error:
        return None, [f"{path.name} could not be read: {error.strerror}"]
    except (TypeError, ValueError) as error:
        return None, [f"{path.name} could not be read: {error}"]


def read_short(path: Path) -> tuple[dict[int, FitInfo], list[str]]:
    """The fits that are kept in short, by their numbers. A torn last line is tolerated."""
    found: dict[int, FitInfo] = {}
    try:
        lines = read_text(path, JSON_BYTES)[:SHORT_LIMIT].splitlines()
    except OSError as error:
        return found, [f"{path.name} could not be read: {error.strerror}"]
    for table in strict_json.loads_lines(lines):
        with contextlib.suppress(TypeError):
            info = from_table(FitInfo, table)
            if info.index >= 0:
                found[info.index] = info if info.brief else replace(info, brief=True)
    return found, []
