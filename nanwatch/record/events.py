"""``events.jsonl``: what happened, a line each; a torn last line is tolerated."""

from __future__ import annotations

import typing
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanwatch.record import strict_json
from nanwatch.record.facts import FitKind, Status
from nanwatch.record.kept_file import KeptFile
from nanwatch.record.notes import OwnError
from nanwatch.record.tables import Variant, from_table, to_table
from nanwatch.record.untrusted_file import read_text
from nanwatch.record.watchpoints import Role

MOST_READ = 16 * 2**20  # bytes, of what was written: beyond the limit only what decides is
LIMIT = 8 * 2**20  # bytes; a script that fits for ever must not fill the disk


@dataclass(frozen=True)
class FitBegin(Variant):
    kind = "fit_begin"
    fit: int
    training: FitKind = "fit"


@dataclass(frozen=True)
class FitEnd(Variant):
    kind = "fit_end"
    fit: int
    status: Status
    error: str | None = None  # the exception that ended it, in one line


@dataclass(frozen=True)
class EpochBegin(Variant):
    kind = "epoch_begin"
    fit: int
    epoch: int


@dataclass(frozen=True)
class EpochEnd(Variant):
    kind = "epoch_end"
    fit: int
    epoch: int
    logs: dict[str, float] = field(default_factory=dict)  # as Keras gave them to callbacks
    step: int | None = None  # steps done so far


@dataclass(frozen=True)
class IncidentSeen(Variant):
    """A step that went bad. All that is known of the first one stands in ``run.json``."""

    kind = "incident"
    fit: int
    step: int
    role: Role
    path: str = ""


@dataclass(frozen=True)
class Warned(Variant):
    """A warning of Keras, TensorFlow or the script."""

    kind = "warning"
    fit: int  # the one that runs, or comes next
    message: str
    category: str = "UserWarning"


@dataclass(frozen=True)
class LearningRateChanged(Variant):
    """A callback or the script gave the optimizer another rate between two epochs."""

    kind = "learning_rate"
    fit: int
    epoch: int  # the first with the new rate
    step: int  # its first
    before: float
    after: float


@dataclass(frozen=True)
class Saved(Variant):
    kind = "save"
    fit: int
    step: int
    path: str
    finite: bool  # the weights


@dataclass(frozen=True)
class Deleted(Variant):
    """What was saved before is gone."""

    kind = "delete"
    fit: int
    step: int
    path: str


@dataclass(frozen=True)
class Raised(Variant):
    """An exception left a step."""

    kind = "exception"
    fit: int
    message: str  # its type and text, in one line


FitEvent = (
    FitBegin
    | FitEnd
    | EpochBegin
    | EpochEnd
    | IncidentSeen
    | Warned
    | LearningRateChanged
    | Saved
    | Deleted
    | Raised
)
Event = FitEvent | OwnError
CLASSES: dict[str, type[Event]] = {cls.kind: cls for cls in typing.get_args(Event)}
EPOCHS = (EpochBegin.kind, EpochEnd.kind)
DECIDING = (IncidentSeen, FitEnd, Raised)  # a diagnosis may hang on them: written past the limit too


class EventLog:
    """The writing side. Every line reaches the operating system at once."""

    def __init__(self, path: Path) -> None:
        self.file = KeptFile(path)
        self.written = 0

    def append(self, event: Event) -> None:
        line = strict_json.dumps(to_table(event)).encode() + b"\n"
        if self.written + len(line) > LIMIT and not isinstance(event, DECIDING):
            return
        self.written += self.file.write(line)

    def close(self) -> None:
        self.file.close()


def read_events(
    path: Path, without_epochs: Container[object] = (), damage: list[str] | None = None
) -> Iterator[Event]:
    """The events in order, but for the epochs of fits ``without_epochs``.

    ``damage`` says how many lines are none. A last line that is cut short is nothing to tell of: the run may
    be going on.

    Raises ``OSError`` when there is a file and it cannot be read.
    """
    try:
        data = read_text(path, MOST_READ)
    except FileNotFoundError:
        return
    unreadable = 0
    lines = data.splitlines(keepends=True)
    for line, table in zip(lines, strict_json.loads_lines(lines), strict=True):
        try:
            if table.get("kind") not in EPOCHS or table.get("fit") not in without_epochs:
                yield event_of(table)
        except (ValueError, TypeError, AttributeError):
            unreadable += line.endswith(b"\n")
    if unreadable and damage is not None:
        count = f"{unreadable:,} line{'' if unreadable == 1 else 's'}"
        damage.append(f"{count} of {path.name} could not be read")


def event_of(table: Any) -> Event:
    """Raises ``TypeError`` for a table that is no event, ``ValueError`` for a kind that is not known."""
    cls = CLASSES.get(table["kind"]) if isinstance(table, dict) and "kind" in table else None
    if cls is None:
        raise ValueError("no event of a known kind")
    return from_table(cls, table)
