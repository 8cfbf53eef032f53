"""The CSV of ``keras.callbacks.CSVLogger``, of any separator, and that of a table of ``history.history``."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence

from nanwatch.foreign.log import LOSS, Epoch, Log, Training
from nanwatch.foreign.reading.limits import MOST_EPOCHS, MOST_NAMES
from nanwatch.foreign.reading.numbers_read import parse_number

SEPARATORS = (",", ";", "\t", "|", " ", ":")
EPOCH_COLUMN = "epoch"


def separator_of(header: str) -> str | None:
    """What parts the names of ``header``; None where it is no header with a loss in it."""
    for separator in SEPARATORS:
        names = names_of(header, separator)
        if 2 <= len(names) <= MOST_NAMES and LOSS in names and all(map(is_name, names)):
            return separator
    return None


def names_of(header: str, separator: str) -> list[str]:
    row = next(csv.reader([header.strip("\ufeff\r\n")], delimiter=separator), [])
    return [name.strip() for name in row]


def is_name(name: str) -> bool:
    """A metric's name, or nothing above the numbers of the rows; a number is none."""
    return len(name) <= 100 and parse_number(name) is None


def read_csv(lines: Iterator[str], header: str, separator: str) -> Log:
    names = names_of(header, separator)
    rows = csv.reader(lines, delimiter=separator)
    found: list[list[Epoch]] = [[]]
    kept = left_out = 0
    while (row := next_row(rows)) is not None:
        values = row_values(names, row, decimal_comma=separator != ",")
        number = number_in(names, values, len(found[-1]))
        if not values:
            continue
        if found[-1] and number <= found[-1][-1].number:
            found.append([])  # appended to by another training
        if kept >= MOST_EPOCHS:
            left_out += 1
        else:
            kept += 1
            found[-1].append(Epoch(number, {k: v for k, v in values.items() if k and k != EPOCH_COLUMN}))
    trainings = tuple(Training(tuple(epochs)) for epochs in found if epochs)
    return Log("csv", trainings, left_out=left_out)


def next_row(rows: Iterator[list[str]]) -> list[str] | None:
    """The next row; what is no CSV is passed over, within bounds."""
    for _ in itertools.repeat(None, MOST_NAMES):
        try:
            return next(rows, None)
        except csv.Error:  # a NUL, a field of a megabyte
            continue
    return None


def row_values(names: Sequence[str], row: Sequence[str], decimal_comma: bool) -> dict[str, float]:
    """The numbers of a row by name; "NA" is none."""
    found = {}
    for name, cell in zip(names, row, strict=False):
        value = parse_number(cell, decimal_comma and cell.count(",") == 1)
        if value is not None:
            found[name] = value
    return found


def number_in(names: Sequence[str], values: dict[str, float], before: int) -> int:
    """The number of the epoch, from 1; Keras and pandas count from 0."""
    column = EPOCH_COLUMN if EPOCH_COLUMN in names else names[0]
    value = values.get(column)
    if column == names[0] and column not in (EPOCH_COLUMN, ""):
        return before + 1  # no column of numbers: the rows are counted
    return before + 1 if value is None or not abs(value) < 1e7 else int(value) + 1
