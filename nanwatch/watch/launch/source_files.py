"""The user's own files of which lines were noted: their text goes into the record, as it was then."""

from __future__ import annotations

import linecache

from nanwatch.record.sources import Source, pieces_of

MOST_FILES = 200
# Of this process, by path: all lines of the file, and the numbers of those that were noted.
FILES: dict[str, list[str]] = {}
PLACES: dict[str, set[int]] = {}


def hold(path: str, name: str, line: int) -> None:
    """Keep the file ``path``, that Python calls ``name``, of which ``line`` was noted."""
    if path not in FILES:
        lines = linecache.getlines(name)
        if not lines or len(FILES) >= MOST_FILES:
            return
        FILES[path] = [text.rstrip("\r\n") for text in lines]
    PLACES.setdefault(path, set()).add(line)


def num_held() -> int:
    """Grows with each file and place that is new."""
    return len(FILES) + sum(map(len, PLACES.copy().values()))


def held_pieces() -> list[Source]:
    return pieces_of(FILES.copy(), {path: {*lines} for path, lines in PLACES.copy().items()})
