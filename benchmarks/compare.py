"""``python -m benchmarks.compare BEFORE AFTER``: two files of figures side by side, to judge a change by.

A change counts where the medians differ by more than either spread reaches beyond its own median.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.results import read
from benchmarks.rows import Row, shown

HEADER = ("what", "at most", "before", "after", "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    given = parser.parse_args()
    for line in lines(read(given.before), read(given.after)):
        print(f"| {' | '.join(line)} |")
    return 0


def lines(before: Mapping[str, Row], after: Mapping[str, Row]) -> Iterator[tuple[str, ...]]:
    yield HEADER
    yield tuple("---" for _ in HEADER)
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        known = new or old
        assert known is not None
        limit = "" if known.limit is None else shown(known.limit, known.unit)
        yield key, limit, figure(old), figure(new), word(old, new)


def figure(row: Row | None) -> str:
    if row is None:
        return "not measured"
    low, high = shown(row.low, row.unit), shown(row.high, row.unit)
    return f"{shown(row.value, row.unit)} ({low} to {high})"


def word(old: Row | None, new: Row | None) -> str:
    """``less`` or ``more`` where the change is larger than the spread of both; else that it is not."""
    if old is None or new is None:
        return ""
    if new.value < old.low and old.value > new.high:
        return "less"
    if new.value > old.high and old.value < new.low:
        return "more"
    return "no difference seen"


if __name__ == "__main__":
    sys.exit(main())
