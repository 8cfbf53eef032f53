"""A line of the script on one line of the screen, cut on either side of the part that matters."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

BEFORE = 12  # columns that are kept in front of the part, so that one sees what it belongs to


class Slice(NamedTuple):
    """``text`` to show, and where in it the part begins and ends, counted in characters."""

    text: str
    begin: int
    end: int


def slice_around(code: str, part: tuple[int, int], room: int, ending: str) -> Slice:
    """``code``, or as much of it as ``room`` columns take, the beginning of ``part`` in any case."""
    if cell_len(code) <= room:
        return Slice(code, *part)
    start = 0 if cell_len(code[: part[1]]) + len(ending) <= room else max(0, part[0] - BEFORE)
    lead = ending if start else ""
    kept, left = "", room - len(lead) - len(ending)
    for character in code[start:]:
        left -= cell_len(character)
        if left < 0:
            break
        kept += character
    tail = ending if start + len(kept) < len(code) else ""
    text = f"{lead}{kept}{tail}"
    shift = len(lead) - start
    return Slice(text, part[0] + shift, min(part[1] + shift, len(text) - len(tail)))
