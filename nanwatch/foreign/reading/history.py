"""``history.history``: as JSON, as ``print`` writes the dict, and as pandas makes JSON of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from nanwatch.foreign.log import LOSS, Epoch, Log, Training
from nanwatch.foreign.reading.limits import MOST_EPOCHS, MOST_NAMES
from nanwatch.foreign.reading.numbers_read import NUMBER, number_of

DEEPEST = 4  # levels in which the lists may lie: {"history": {"loss": [...]}}
# 'loss': [0.69, nan], of which each may be an np.float32(0.69), or all an array([...]).
SERIES = re.compile(
    r"""["']([^"'\\\n]{1,100})["']\s*:\s*(?:(?:np\.|numpy\.)?array\()?\[([^\[\]{}]*)\]""", re.DOTALL
)
WRAPPED = re.compile(r"(?:np\.|numpy\.)?float(?:16|32|64)\(|dtype=\w+")
IN_LIST = re.compile(rf"(?<![\w.])(?:{NUMBER}|none|null)(?![\w.])", re.IGNORECASE)


def read_history(text: str) -> Log | None:
    """The log in ``text``; None where it is no dict with a list of losses in it."""
    series = from_json(text) or from_repr(text)
    if series is None:
        return None
    longest = min(max(len(values) for values in series.values()), MOST_EPOCHS)
    epochs = (
        Epoch(at + 1, {name: values[at] for name, values in series.items() if at < len(values)})
        for at in range(longest)
    )
    left_out = max(len(values) for values in series.values()) - longest
    training = Training(tuple(epochs))
    return Log("history", (training,) if training.epochs else (), left_out=left_out)


def from_json(text: str) -> dict[str, list[float]] | None:
    try:
        return find_series(json.loads(text), DEEPEST)
    except (ValueError, RecursionError):
        return None


def find_series(value: Any, depth: int) -> dict[str, list[float]] | None:
    """The first dict with a list of losses in it."""
    if not isinstance(value, dict) or not depth:
        return None
    if LOSS in value:
        found = {str(name): as_series(each) for name, each in list(value.items())[:MOST_NAMES]}
        kept = {name: each for name, each in found.items() if each}
        return kept if LOSS in kept else None
    inner = (find_series(each, depth - 1) for each in list(value.values())[:MOST_NAMES])
    return next((each for each in inner if each), None)


def as_series(value: Any) -> list[float]:
    """A list of numbers, or pandas's ``{"0": 0.69, "1": null}``; null is NaN, which JSON has not."""
    entries = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(entries, list) or not all(is_entry(entry) for entry in entries):
        return []
    return [as_float(entry) for entry in entries]


def is_entry(entry: Any) -> bool:
    return entry is None or (isinstance(entry, int | float) and not isinstance(entry, bool))


def as_float(entry: int | float | None) -> float:
    try:
        return math.nan if entry is None else float(entry)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf


def from_repr(text: str) -> dict[str, list[float]] | None:
    found: dict[str, list[float]] = {}
    for match in SERIES.finditer(text):
        if len(found) < MOST_NAMES and match[1] not in found:
            inner = WRAPPED.sub("", match[2])
            found[match[1]] = [listed_number(entry[0]) for entry in IN_LIST.finditer(inner)]
    kept: Mapping[str, list[float]] = {name: values for name, values in found.items() if values}
    return dict(kept) if LOSS in kept else None


def listed_number(text: str) -> float:
    return math.nan if text.lower() in ("none", "null") else number_of(text)
