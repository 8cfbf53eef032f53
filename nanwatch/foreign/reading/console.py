"""A console log, captured or pasted: every form that the progress bar of Keras had, line by line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nanwatch.foreign.log import LOSS, Epoch, Log, Progress, Remark, RemarkKind, Training
from nanwatch.foreign.reading.console_line import Line, read_line
from nanwatch.foreign.reading.limits import MOST_EPOCHS, MOST_REMARKS

VALIDATION = "val_"
PACE = ("/step", "/sample", "ETA:")
COMPLETE = re.compile(r"(?<!\d)(\d{1,10})\s?/\s?\1(?!\d)")
# What says something between the numbers, and which group of it is a number.
REMARKS: dict[RemarkKind, re.Pattern[str]] = {
    "terminated-on-nan": re.compile(r"Batch (\d{1,9}): Invalid loss, terminating training"),
    "softmax-over-one": re.compile(r"softmax over axis -?\d+ of a tensor of shape .{0,80}?, 1\)"),
    "categorical-over-one": re.compile(r"categorical_crossentropy, expected y_pred\.shape .{0,120}?, 1\)"),
    "label-out-of-range": re.compile(
        r"Received a label value of (-?\d{1,12}) which is outside the valid range"
    ),
    "index-out-of-range": re.compile(r"indices\[.{0,40}\] = (-?\d{1,12}) is not in \["),
    "invalid-value": re.compile(r"RuntimeWarning: (?:invalid value|divide by zero|overflow) encountered"),
}
# A layer in the table that model.summary() prints, with its shape: the drawn one and the pasted one.
LAYER = re.compile(r"[((]Dense[))]\W{0,60}?(?:None|无|無)\W{1,4}(\d{1,7})\s?[)))]")


@dataclass
class OpenEpoch:
    """An epoch while its lines are read."""

    number: int
    values: dict[str, float] = field(default_factory=dict)
    progress: Progress | None = None
    total: int | None = None
    last_finite: Progress | None = None
    first_bad: Progress | None = None
    closed: bool = False  # its last line was seen: what follows is another bar, or a print

    def take(self, line: Line) -> None:
        """The numbers of ``line``, if it is one of this epoch."""
        if self.closed or not line.values or not line.leads:
            return
        if line.place is None:
            self.take_whole(line.values)
        elif self.follows(line.place):
            self.take_progress(line.place, line.values)

    def take_whole(self, values: Mapping[str, float]) -> None:
        """A line without a place in the epoch, as verbose=2 wrote it: only its loss makes it one."""
        if LOSS not in values:
            return
        self.values |= values
        self.note(None, values)
        self.closed = True

    def follows(self, place: Progress) -> bool:
        """Whether ``place`` is further on in this epoch, and not of an evaluation that follows it."""
        if self.progress is None:
            return True
        known = self.total is None or place.total in (self.total, None)
        return place.step >= self.progress.step and known

    def take_progress(self, place: Progress, values: Mapping[str, float]) -> None:
        again = self.progress is not None and place.step == place.total == self.progress.step
        validated = any(name.startswith(VALIDATION) for name in values)
        if again and not validated and self.differs(values):
            self.closed = True  # an evaluation on as many batches
            return
        self.values |= values
        self.note(place, values)
        self.progress = place
        self.total = place.total or self.total
        self.closed = validated

    def differs(self, values: Mapping[str, float]) -> bool:
        here, there = self.values.get(LOSS), values.get(LOSS)
        if here is None or there is None:
            return False
        return here != there and not (math.isnan(here) and math.isnan(there))

    def note(self, place: Progress | None, values: Mapping[str, float]) -> None:
        """Where in the epoch the loss, a running mean, was finite last, and where it no longer was."""
        loss = values.get(LOSS)
        if loss is None or self.first_bad is not None:
            return
        if math.isfinite(loss):
            self.last_finite = place
        else:
            self.first_bad = place

    def end(self) -> Epoch:
        bad = self.first_bad is not None
        return Epoch(
            self.number, self.values, self.progress, self.last_finite if bad else None, self.first_bad
        )


@dataclass
class OpenTraining:
    """A training while its lines are read."""

    planned: int | None = None
    units: int | None = None
    epochs: list[Epoch] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def end(self) -> Training:
        return Training(tuple(self.epochs), self.planned, tuple(self.remarks), self.units)


class ConsoleReader:
    """Takes line after line; keeps the epochs."""

    def __init__(self) -> None:
        self.trainings: list[OpenTraining] = []
        self.before = OpenTraining()  # what is said before any training begins
        self.open: OpenEpoch | None = None
        self.planned: int | None = None
        self.headless: list[Mapping[str, float]] = []  # epochs of a log that was cut out without heads
        self.units: int | None = None
        self.kept = 0
        self.pending = ""  # of a bar that is drawn over and over, the last: only that is looked at
        self.left_out = 0

    def read(self, text: str) -> None:
        if self.open is not None and is_of_a_bar(text):
            self.pending = text
            return
        pending, self.pending = self.pending, ""
        if pending:
            self.read_line(pending)
        self.read_line(text)

    def read_line(self, text: str) -> None:
        self.remark(text)
        line = read_line(text)
        if line.epoch is not None and self.is_head(line):
            self.begin(line)
        if self.open is not None:
            self.open.take(line)
        elif line.leads and LOSS in line.values and is_whole(line) and len(self.headless) < MOST_EPOCHS:
            self.headless.append(line.values)

    def is_head(self, line: Line) -> bool:
        """``Epoch 3/6``, or ``Epoch 3`` with numbers behind it; not "Epoch 3: early stopping"."""
        return line.planned is not None or (line.leads and LOSS in line.values)

    def begin(self, line: Line) -> None:
        number = line.epoch or 0
        before = self.open
        if before is not None and before.number == number and not before.values:
            return  # two workers, or a head that was drawn twice
        self.end_epoch()
        goes_on = before is not None and number > before.number and line.planned == self.planned
        if not self.trainings or not goes_on:
            if self.trainings and not self.trainings[-1].epochs:
                self.trainings.pop()
            said, self.before = self.before.remarks, OpenTraining()
            self.trainings.append(OpenTraining(line.planned, self.units, remarks=said))
        self.planned = line.planned
        self.open = OpenEpoch(number)

    def end_epoch(self) -> None:
        if self.open is None or not self.open.values:
            return
        if self.kept < MOST_EPOCHS:
            self.trainings[-1].epochs.append(self.open.end())
            self.kept += 1
        else:
            self.left_out += 1

    def remark(self, text: str) -> None:
        """What is said while a training goes on, or behind it, is said of it."""
        remarks = (self.trainings[-1] if self.trainings else self.before).remarks
        for kind, pattern in REMARKS.items():
            if len(remarks) < MOST_REMARKS and (found := pattern.search(text)):
                remark = Remark(kind, int(found[1]) if found.groups() else None)
                if remark not in remarks:
                    remarks.append(remark)
        if "Dense" in text and (found := LAYER.search(text)):
            self.units = int(found[1])

    def log(self) -> Log:
        if self.pending:
            self.read_line(self.pending)
        self.end_epoch()
        self.open = None
        trainings = tuple(training.end() for training in self.trainings if training.epochs)
        if not trainings and self.headless:
            epochs = [Epoch(number, values) for number, values in enumerate(self.headless, 1)]
            trainings = (OpenTraining(None, self.units, epochs, self.before.remarks).end(),)
        return Log("console", trainings, self.left_out)


def is_of_a_bar(text: str) -> bool:
    """Whether it is a bar on its way, with finite numbers."""
    if not any(word in text for word in PACE) or VALIDATION in text or "poch" in text:
        return False
    lower = text.lower()
    return "nan" not in lower and "inf" not in lower and COMPLETE.search(text) is None


def is_whole(line: Line) -> bool:
    """Whether it tells of the end of an epoch, as far as one line can."""
    return line.place is None or line.place.step == line.place.total


def read_console(lines: Iterable[str]) -> Log:
    """The log of these lines; without trainings where none has an epoch in it."""
    reader = ConsoleReader()
    for text in interesting(lines):
        reader.read(text)
    return reader.log()


def interesting(lines: Iterable[str]) -> Iterator[str]:
    """Those that may hold what is looked for: a number, or a word of warning."""
    return (text for text in lines if any(mark in text for mark in (":", "/", "=", ":", "Dense")))
