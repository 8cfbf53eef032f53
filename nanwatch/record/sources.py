"""``sources.json``: the user's own files, as they stood when the run noted lines of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nanwatch.record import strict_json
from nanwatch.record.tables import from_table, to_table
from nanwatch.record.untrusted_file import read_json

SOURCES_FILE = "sources.json"
WHOLE = 2**18  # characters of a file that is kept whole; of a longer one the lines around each place are
AROUND = 4  # on either side of such a place: as many as a report shows at most
LIMIT = 2**21  # characters of all files together


@dataclass(frozen=True)
class Source:
    """Lines of the file ``path`` by their numbers: ``lines[0]`` is number ``first``, and so on.

    ``whole``: there are no others.
    """

    path: str
    first: int = 1
    lines: tuple[str, ...] = ()
    whole: bool = False


class Sources:
    """What a run kept of each file, by its path."""

    def __init__(self, pieces: Iterable[Source] = ()) -> None:
        self.pieces: dict[str, list[Source]] = {}
        for piece in pieces:
            self.pieces.setdefault(piece.path, []).append(piece)

    def lines(self, path: str, first: int, last: int) -> dict[int, str]:
        """Those from ``first`` to ``last`` that were kept, by number."""
        found: dict[int, str] = {}
        for piece in self.pieces.get(path, ()):
            begin = max(first, piece.first)
            kept = piece.lines[begin - piece.first : max(last - piece.first + 1, 0)]
            found |= dict(enumerate(kept, begin))
        return found

    def whole(self, path: str) -> Sequence[str]:
        """All lines of the file; none where it was not kept whole."""
        return next((piece.lines for piece in self.pieces.get(path, ()) if piece.whole), ())

    def __or__(self, other: Sources) -> Sources:
        """Both; of a file that both kept, what stands here."""
        both = Sources()
        both.pieces = {**other.pieces, **self.pieces}
        return both


def pieces_of(files: Mapping[str, Sequence[str]], places: Mapping[str, Iterable[int]]) -> list[Source]:
    """What is kept of ``files``, of which these are all lines, and the ``places`` are those to be shown."""
    pieces: list[Source] = []
    room = LIMIT
    for path, lines in files.items():
        for piece in pieces_of_file(path, lines, places.get(path, ())):
            size = sum(map(len, piece.lines))
            if size <= room:
                pieces.append(piece)
                room -= size
    return pieces


def pieces_of_file(path: str, lines: Sequence[str], places: Iterable[int]) -> list[Source]:
    if sum(map(len, lines)) <= WHOLE:
        return [Source(path, 1, tuple(lines), whole=True)]
    firsts = [(max(place - AROUND, 1), place + AROUND) for place in sorted(places)]
    return [Source(path, first, tuple(lines[first - 1 : last])) for first, last in firsts]


def write_sources(folder: Path, pieces: Sequence[Source]) -> None:
    strict_json.replace_file(folder / SOURCES_FILE, {"sources": to_table(pieces)})


def read_sources(folder: Path, damage: list[str]) -> Sources:
    """What the run in ``folder`` kept; where that cannot be read it is named in ``damage``."""
    path = folder / SOURCES_FILE
    try:
        table = from_table(SourcesTable, read_json(path))
    except FileNotFoundError:
        return Sources()
    except (ValueError, TypeError, OSError) as error:
        damage.append(f"{path.name} could not be read: {error}")
        return Sources()
    return Sources(table.sources)


@dataclass(frozen=True)
class SourcesTable:
    sources: tuple[Source, ...] = ()
